import * as Data from "effect/Data"

/** The server refused: it answered with an error, and rolled back whatever the same Sync closed. */
export class PgError extends Data.TaggedError("PgError")<{
  readonly severity: string
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly message: string
  readonly detail: string | undefined
  readonly constraint: string | undefined
}> {}

/** There is no connection, or no longer. `sent`: bytes of the request had left, so the server may have carried it out. */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  readonly message: string
  readonly sent: boolean
  /** The reason why none could be had does not pass by itself: a person has to change something. */
  readonly lasting?: boolean
  /** A server that should have asked for a password did not, or would have it sent readable. */
  readonly unproven?: boolean
  /** Nothing at all answered in time. */
  readonly silent?: boolean
  readonly cause?: unknown
}> {}

/** A value that the protocol has no place for: nothing was sent, and the connection is as it was. */
export class NotSent extends Data.TaggedError("NotSent")<{
  readonly message: string
  readonly cause: unknown
}> {}

export type ConnectionError = PgError | ConnectionLost | NotSent

/** SQLSTATEs that pass: no connection, too many of them, a server that stops, starts or may not write now. */
const PASSING = /^(08...|53...|57P0.|25006|55000)$/

/** Whether it is worth asking again later, with nothing changed by a person. */
export const passes = (error: ConnectionError): boolean =>
  error._tag === "PgError" ? PASSING.test(error.code) : error._tag === "ConnectionLost" && error.lasting !== true

const text = new TextDecoder()

/** Reads the body of an ErrorResponse or NoticeResponse: fields of a letter and a text, each ended by a zero byte. */
export const decodePgError = (body: Uint8Array): PgError => {
  const fields = new Map<number, string>()
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1)
    if (end < 0) break
    fields.set(body[at]!, text.decode(body.subarray(at + 1, end)))
    at = end + 1
  }
  return new PgError({
    // "V" is the severity that no locale translates.
    severity: fields.get(0x56) ?? fields.get(0x53) ?? "ERROR",
    code: fields.get(0x43) ?? "XX000",
    message: fields.get(0x4d) ?? "unknown error",
    detail: fields.get(0x44),
    constraint: fields.get(0x6e)
  })
}
