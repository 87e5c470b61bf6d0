import * as Data from "effect/Data"

/** A client's properties, or a file that they name, say nothing sensible. `message` is one line, for people, without secrets. */
export class ClientConfigError extends Data.TaggedError("ClientConfigError")<{ readonly message: string }> {}
