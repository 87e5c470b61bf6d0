// Serves: ExpireDelegationToken in all versions (KIP-48): its owner and its renewers shorten a token's life, or end it.
// Left out: nothing.

import { NONE } from "@tusk/protocol/KafkaError"
import { ExpireDelegationToken } from "@tusk/protocol/messages/ExpireDelegationToken"
import type { ExpireDelegationTokenRequest } from "@tusk/protocol/messages/ExpireDelegationToken"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { noTime, onlyByLogin } from "../security/token/mayAsk.ts"
import { Tokens } from "../security/token/Tokens.ts"

export const expireDelegationToken = handler({
  api: ExpireDelegationToken,
  resources: () => CLUSTER,
  reads: false,
  make: Effect.gen(function* () {
    const tokens = yield* Tokens
    return Effect.fnUntraced(function* (request: ExpireDelegationTokenRequest, context: RequestContext) {
      yield* onlyByLogin(context)
      const asked = { principal: context.principal, periodMs: request.expiryTimePeriodMs }
      return { errorCode: NONE, expiryTimestampMs: yield* tokens.expire(request.hmac, asked) }
    })
  }),
  refuse: (_request, errorCode, error) => ({ errorCode, expiryTimestampMs: noTime(error) })
})
