import * as Data from "effect/Data"

/** Why nothing more of a topic is imported, in one line for a person: trying again would not help. */
export class Halted extends Data.TaggedError("Halted")<{ readonly topic: string; readonly reason: string }> {
  override get message(): string {
    return `${this.topic} is not imported further: ${this.reason}`
  }
}
