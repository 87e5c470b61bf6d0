import * as Data from "effect/Data"

/**
 * What is wrong with bytes, or with a value that is to become bytes.
 *
 * Reading: `truncated` (the frame ends inside a field), `lengthBeyondFrame` (a length or count larger than the bytes that
 * are left), `badVarint`, `badLength` (over the field's limit), `notUtf8`, `unexpectedNull`, `trailingBytes`, `badTag` (a
 * tagged field with a size unlike that of its value), `tooManyTags`, `badFrame` (length prefix, hex),
 * `otherProtocol` (no frame, but TLS or HTTP), `tooManyElements` (in the arrays of one request).
 * Both: `unknownApi`, `unsupportedVersion`. Writing: `outOfRange`, `tooLong`, `unexpectedNull`, `fieldNotInVersion`.
 */
export type ProtocolErrorReason =
  | "truncated"
  | "lengthBeyondFrame"
  | "badVarint"
  | "badLength"
  | "notUtf8"
  | "unexpectedNull"
  | "trailingBytes"
  | "badTag"
  | "tooManyTags"
  | "badFrame"
  | "otherProtocol"
  | "tooManyElements"
  | "unknownApi"
  | "unsupportedVersion"
  | "outOfRange"
  | "tooLong"
  | "fieldNotInVersion"

/**
 * A broken frame, or a value that cannot be written: never an answer's error code. `field` is a path such as
 * `topics[2].partitions[0].records`, empty if no field is to blame.
 */
export class ProtocolError extends Data.TaggedError("ProtocolError")<{
  readonly reason: ProtocolErrorReason
  readonly field: string
  readonly message: string
}> {}

/** Builds the error; the codec adds the path of the field when it knows it. */
export const protocolError = (reason: ProtocolErrorReason, detail: string, field = ""): ProtocolError =>
  new ProtocolError({ reason, field, message: field === "" ? detail : `${field}: ${detail}` })
