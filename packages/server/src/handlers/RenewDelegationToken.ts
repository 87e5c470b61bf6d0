// Serves: RenewDelegationToken in all versions (KIP-48): its owner and its renewers lengthen a token's life.
// Left out: nothing.

import { NONE } from "@tusk/protocol/KafkaError"
import { RenewDelegationToken } from "@tusk/protocol/messages/RenewDelegationToken"
import type { RenewDelegationTokenRequest } from "@tusk/protocol/messages/RenewDelegationToken"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { noTime, onlyByLogin } from "../security/token/mayAsk.ts"
import { Tokens } from "../security/token/Tokens.ts"

export const renewDelegationToken = handler({
  api: RenewDelegationToken,
  resources: () => CLUSTER,
  reads: false,
  make: Effect.gen(function* () {
    const tokens = yield* Tokens
    return Effect.fnUntraced(function* ({ hmac, renewPeriodMs }: RenewDelegationTokenRequest, context: RequestContext) {
      yield* onlyByLogin(context)
      const expiryTimestampMs = yield* tokens.renew(hmac, { principal: context.principal, periodMs: renewPeriodMs })
      return { errorCode: NONE, expiryTimestampMs }
    })
  }),
  refuse: (_request, errorCode, error) => ({ errorCode, expiryTimestampMs: noTime(error) })
})
