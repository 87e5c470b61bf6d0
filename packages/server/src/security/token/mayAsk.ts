import { DelegationTokenRequestNotAllowed } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import { ANONYMOUS } from "../../request/Identity.ts"
import type { RequestContext } from "../../request/RequestContext.ts"

/** Tokens are for those who have shown who they are, and not by a token. */
const mayAsk = ({ identity, listener: { protocol } }: RequestContext["connection"]): boolean => {
  if (identity.byToken || protocol === "PLAINTEXT") return false
  return protocol !== "SSL" || identity.principal !== ANONYMOUS.principal
}

/** DELEGATION_TOKEN_REQUEST_NOT_ALLOWED for the others, whatever they ask. */
export const onlyByLogin = ({ connection }: RequestContext): Effect.Effect<void, DelegationTokenRequestNotAllowed> =>
  Effect.suspend(() => (mayAsk(connection) ? Effect.void : Effect.fail(new DelegationTokenRequestNotAllowed())))

/** What Kafka's broker refuses itself; the rest is its controller's. */
const BY_BROKER: ReadonlySet<KafkaError["_tag"]> = new Set([
  "DelegationTokenRequestNotAllowed",
  "DelegationTokenAuthorizationFailed",
  "InvalidPrincipalType",
  "UnknownServerError"
])

/** The times in a refusal: they tell who has refused it. */
export const noTime = ({ _tag }: KafkaError): bigint => (BY_BROKER.has(_tag) ? -1n : 0n)
