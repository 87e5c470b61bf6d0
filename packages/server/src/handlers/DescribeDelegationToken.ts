// Serves: DescribeDelegationToken in all versions (KIP-48, KIP-373): the tokens that a user may know of.
// Left out: nothing.

import { NONE } from "@tusk/protocol/KafkaError"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import type {
  DescribedDelegationToken,
  DescribeDelegationTokenRequest
} from "@tusk/protocol/messages/DescribeDelegationToken"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { onlyByLogin } from "../security/token/mayAsk.ts"
import { namedPrincipal, principalOf, requesterOf } from "../security/token/principals.ts"
import type { Token } from "../security/token/TokenKey.ts"
import { isOf } from "../security/token/TokenRules.ts"
import { Tokens } from "../security/token/Tokens.ts"

const described = (token: Token, version: number): DescribedDelegationToken => ({
  ...namedPrincipal(token.owner),
  ...requesterOf(token.requester, version),
  issueTimestamp: token.issueTimestamp,
  expiryTimestamp: token.expiryTimestamp,
  maxTimestamp: token.maxTimestamp,
  tokenId: token.tokenId,
  hmac: token.hmac,
  renewers: token.renewers.map(namedPrincipal)
})

/** Whether a token may be told: to those whom it is about, and to those with a right to it or to its owner's tokens. */
const mayKnow = (context: RequestContext, token: Token): boolean =>
  isOf(token, context.principal) ||
  context.mayQuietly("describe", "delegationToken", token.tokenId) ||
  context.mayQuietly("describeTokens", "user", token.owner)

export const describeDelegationToken = handler({
  api: DescribeDelegationToken,
  resources: () => CLUSTER,
  reads: true,
  asks: [
    { operation: "describe", resourceType: "delegationToken", of: "each that is told, of others" },
    { operation: "describeTokens", resourceType: "user", of: "its owner, in the place of Delegation Token" }
  ],
  make: Effect.gen(function* () {
    const tokens = yield* Tokens
    return Effect.fnUntraced(function* ({ owners }: DescribeDelegationTokenRequest, context: RequestContext) {
      yield* onlyByLogin(context)
      const all = yield* tokens.all()
      const names = owners?.map(principalOf)
      const told = all.filter(
        (token) => (names === undefined || names.some((name) => isOf(token, name))) && mayKnow(context, token)
      )
      return { errorCode: NONE, tokens: told.map((token) => described(token, context.apiVersion)) }
    })
  }),
  refuse: (_request, errorCode) => ({ errorCode, tokens: [] })
})
