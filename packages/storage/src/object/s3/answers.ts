/** What S3's answers mean: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
import { ObjectStoreRefused, ObjectStoreUnavailable } from "../../port/ObjectStore.ts"
import type { ObjectStoreError } from "../../port/ObjectStore.ts"
import type { HttpAnswer } from "./HttpExchange.ts"
import { textOf } from "./Xml.ts"

/** Of the answer to what failed. */
export const MOST_ERROR_BYTES = 64 * 1024

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The `Code` of an error's body; empty if it has none. */
export const codeOf = ({ body }: HttpAnswer): string =>
  textOf(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"), "Code") ?? ""

/** Codes that say "not now" with a status that says "never". */
const PASSING: ReadonlySet<string> = new Set([
  "BadDigest",
  "ConditionalRequestConflict",
  "ExpiredToken",
  "IncompleteBody",
  "OperationAborted",
  "RequestTimeTooSkewed",
  "RequestTimeout",
  "SlowDown",
  "TooManyRequests",
  "XAmzContentSHA256Mismatch"
])

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: "there is no such bucket",
  AccessDenied: "the key may not do that (to one that may not list the bucket, what is not there is answered so, too)",
  InvalidAccessKeyId: "it does not know the access key's id",
  SignatureDoesNotMatch: "the secret access key is not the one of this id",
  RequestTimeTooSkewed: "its clock and this machine's differ too much",
  ExpiredToken: "the session's credentials have expired"
}

const shown = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 200)

/** What an answer that is no success means, for whatever was asked. All of them were sent. */
export const failureOf = (what: string, answer: HttpAnswer): ObjectStoreError => {
  const { status } = answer
  const xml = Buffer.from(answer.body).toString("utf8")
  const code = shown(codeOf(answer))
  const region = textOf(xml, "Region") ?? answer.headers["x-amz-bucket-region"]
  const hint = HINTS[code] ?? shown(textOf(xml, "Message") ?? "")
  const place =
    typeof region === "string" && status < 500 && status !== 404 ? `; the bucket is of region ${shown(region)}` : ""
  const message = `${what}: the object store answers ${status} ${code}${hint === "" ? "" : `, ${hint}`}${place}`
  const isPassing = status >= 500 ? status !== 501 : [307, 408, 409, 425, 429].includes(status) || PASSING.has(code)
  return isPassing ? new ObjectStoreUnavailable({ message, sent: true }) : new ObjectStoreRefused({ message })
}
