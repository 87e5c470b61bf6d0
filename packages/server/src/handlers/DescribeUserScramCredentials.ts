// Serves: DescribeUserScramCredentials (KIP-554): of each user the mechanisms and iterations, never a key.
// Left out: nothing.

import {
  ClusterAuthorizationFailed,
  DuplicateResource,
  errorCode,
  errorMessage,
  NONE,
  ResourceNotFound
} from "@tusk/protocol/KafkaError"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import type { DescribeUserScramCredentialsRequest } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "../request/Authorization.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { isScram, SCRAM } from "../security/sasl/ScramKeys.ts"

type Infos = ReadonlyArray<{ readonly mechanism: number; readonly iterations: number }>

const described = (user: string, infos: Infos) => ({ user, errorCode: NONE, errorMessage: "", credentialInfos: infos })

const refused = (user: string, error: DuplicateResource | ResourceNotFound) => ({
  user,
  errorCode: errorCode(error),
  errorMessage: errorMessage(error),
  credentialInfos: []
})

export const describeUserScramCredentials = handler({
  api: DescribeUserScramCredentials,
  resources: () => CLUSTER,
  reads: true,
  asks: [{ operation: "describe", resourceType: "cluster" }],
  make: Effect.gen(function* () {
    const { current } = yield* ScramCredentials
    const infosByUser = () => {
      const infos = new Map<string, Array<{ mechanism: number; iterations: number }>>()
      for (const { iterations, mechanism, user } of current().values()) {
        if (!isScram(mechanism)) continue
        const own = infos.get(user) ?? []
        own.push({ mechanism: SCRAM[mechanism].type, iterations })
        infos.set(user, own)
      }
      for (const own of infos.values()) own.sort((a, b) => a.mechanism - b.mechanism)
      return infos
    }
    return ({ users }: DescribeUserScramCredentialsRequest, context: RequestContext) => {
      if (!context.may("describe", "cluster", CLUSTER_NAME)) return Effect.fail(new ClusterAuthorizationFailed())
      const infos = infosByUser()
      if (users === null || users.length === 0) {
        const results = Array.from(infos, ([user, own]) => described(user, own))
        return Effect.succeed({ errorCode: NONE, errorMessage: "", results })
      }
      const asked = new Map<string, number>()
      for (const { name } of users) asked.set(name, (asked.get(name) ?? 0) + 1)
      const results = Array.from(asked, ([user, times]) => {
        const own = infos.get(user)
        if (times > 1) {
          const message = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
          return refused(user, new DuplicateResource({ message }))
        }
        if (own !== undefined) return described(user, own)
        const message = `Attempt to describe a user credential that does not exist: ${user}`
        return refused(user, new ResourceNotFound({ message }))
      })
      return Effect.succeed({ errorCode: NONE, errorMessage: "", results })
    }
  }),
  // As Apache Kafka: of each user the error, without the name. Of all users it sends nothing then.
  refuse: ({ users }, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    results: (users ?? []).map(() => ({
      user: "",
      errorCode: code,
      errorMessage: errorMessage(error),
      credentialInfos: []
    }))
  })
})
