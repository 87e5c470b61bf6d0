import * as Data from "effect/Data"

/** What a person has to put right. `message` is one line; the exit code is 1. */
export class CliError extends Data.TaggedError("CliError")<{ readonly message: string }> {}

/** A command line that says nothing sensible. `message` is one line; the exit code is 2. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** How `tusk` ends, beside the codes of signals (128 and the signal's number: 130 is ^C). */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const
