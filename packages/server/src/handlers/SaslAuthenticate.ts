// Serves: SaslAuthenticate in all versions: the tokens of a mechanism (KIP-152), also to authenticate anew (KIP-368).
// Left out: nothing.

import { errorMessage, IllegalSaslState, NONE } from "@tusk/protocol/KafkaError"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import type { SaslAuthenticateRequest } from "@tusk/protocol/messages/SaslAuthenticate"
import * as Effect from "effect/Effect"
import { NO_BYTES } from "../security/sasl/Exchange.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

export const saslAuthenticate = handler({
  api: SaslAuthenticate,
  resources: () => CLUSTER,
  // Who is known is what the cluster's writer has in memory, but nothing of it is told.
  reads: false,
  make: Effect.succeed(({ authBytes }: SaslAuthenticateRequest, { connection }: RequestContext) => {
    const { login } = connection
    if (login?.isUnderWay !== true) {
      return Effect.fail(
        new IllegalSaslState({ message: "SaslAuthenticate request received after successful authentication" })
      )
    }
    return Effect.map(login.authenticate(authBytes), ({ sessionLifetimeMs, token }) => ({
      errorCode: NONE,
      // Its default in Kafka, which is not null.
      errorMessage: "",
      authBytes: token,
      sessionLifetimeMs
    }))
  }),
  turningAway: Effect.succeed((_request: SaslAuthenticateRequest, { connection }: RequestContext) =>
    connection.login?.abandon("it could not authenticate in time")
  ),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    authBytes: NO_BYTES,
    sessionLifetimeMs: 0n
  })
})
