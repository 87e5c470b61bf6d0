import * as Data from "effect/Data"

/** What a person has to put right. `message` is one line; the exit code is 1. */
export class CliError extends Data.TaggedError("CliError")<{ readonly message: string }> {}

/** A command line that says nothing sensible. `message` is one line; the exit code is 2. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** A command has told all that it found, and ends with this code. */
export class Found extends Data.TaggedError("Found")<{ readonly code: number }> {}

/** How `tusk` ends, beside the codes of signals (128 and the signal's number: 130 is ^C). */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Of commands that examine something: at worst warnings, or errors. */
  warningsFound: 3,
  errorsFound: 4,
  interrupted: 130,
  terminated: 143
} as const
