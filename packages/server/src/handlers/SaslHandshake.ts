// Serves: SaslHandshake in all versions: agrees on a mechanism, at the beginning and to authenticate anew.
// Left out: GSSAPI, and mechanisms that are plug-ins of Kafka's.
// Why: Kerberos needs a library of the system, and plug-ins are Java classes.

import { errorCode, IllegalSaslState, NONE, UnsupportedSaslMechanism } from "@tusk/protocol/KafkaError"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { SaslHandshakeRequest } from "@tusk/protocol/messages/SaslHandshake"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

const NOT_ENABLED = errorCode(new UnsupportedSaslMechanism())

export const saslHandshake = handler({
  api: SaslHandshake,
  resources: () => CLUSTER,
  reads: false,
  always: true,
  make: Effect.succeed(({ mechanism }: SaslHandshakeRequest, { apiVersion, connection }: RequestContext) => {
    const { login } = connection
    if (login?.isUnderWay !== true) return Effect.fail(new IllegalSaslState())
    return Effect.map(login.handshake(apiVersion, mechanism), (isAgreed) => ({
      errorCode: isAgreed ? NONE : NOT_ENABLED,
      mechanisms: login.mechanisms
    }))
  }),
  refuse: (_request, errorCode) => ({ errorCode, mechanisms: [] })
})
