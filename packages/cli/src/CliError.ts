import * as Data from "effect/Data"

/** What a person has to put right. `message` is one line; the exit code is 1. */
export class CliError extends Data.TaggedError("CliError")<{ readonly message: string }> {}
