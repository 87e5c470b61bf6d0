import type { Told } from "./Programs.ts"

/** What came of a step, as far as a client tells. */
export type Outcome =
  "ok" | "authentication" | "authorization" | "closed" | "expired record" | "no outcome" | `other: ${string}`

/** Java's producer gives a record up that it could not send in time: that is what it tells, and not a machine with too much to do. */
const EXPIRED = /Expiring \d+ record/

/** By the names of a client's errors; the first that is found counts. */
const KINDS: ReadonlyArray<readonly [Outcome, RegExp]> = [
  ["authorization", /Authoriz?ation|AUTHORIZATION|not authorized/i],
  [
    "authentication",
    /Authentication|_AUTHENTICATION|SASL_|\b_?SSL\b|_ALERT_|error: tls:|oauth response|AuthenticationFailed|IllegalSaslState/i
  ],
  [
    "closed",
    /AllBrokersDown|Disconnect|_TRANSPORT|TransportFailure|ECONNRESET|EPIPE|EOF|closed|reset by peer|Network|Connection/i
  ],
  ["no outcome", /Time|deadline|Hangs/i]
]

export const outcomeOf = ({ error, said }: Told): Outcome => {
  if (error === "") return "ok"
  if (EXPIRED.test(said)) return "expired record"
  return KINDS.find(([, pattern]) => pattern.test(error))?.[0] ?? (`other: ${error} ${said}`.slice(0, 120) as Outcome)
}
