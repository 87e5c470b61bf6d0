import * as Data from "effect/Data"

/** Something a person has to put right; `message` is one line, the exit code is 1. */
export class CliError extends Data.TaggedError("CliError")<{ readonly message: string }> {}
