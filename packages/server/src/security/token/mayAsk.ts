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

/** The time in a refusal: Kafka's broker, which asks who it is, has another one than its controller, which does the rest. */
export const noTime = ({ _tag }: KafkaError): bigint => (_tag === "DelegationTokenRequestNotAllowed" ? -1n : 0n)
