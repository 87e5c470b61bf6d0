// Serves: AlterUserScramCredentials (KIP-554): what is kept of users' passwords is set and taken away, all or none.
// Left out: nothing.

import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import type { AlterUserScramCredentialsRequest } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Effect from "effect/Effect"
import { alterScramUsers } from "../security/sasl/alterScramUsers.ts"
import type { UserOutcomes } from "../security/sasl/alterScramUsers.ts"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

const resultsOf = (outcomes: UserOutcomes) =>
  Array.from(outcomes, ([user, error]) => ({
    user,
    errorCode: error === undefined ? NONE : errorCode(error),
    errorMessage: error === undefined ? null : errorMessage(error)
  }))

export const alterUserScramCredentials = handler({
  api: AlterUserScramCredentials,
  resources: () => CLUSTER,
  reads: false,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  make: Effect.gen(function* () {
    const { change, keyOf } = yield* ScramCredentials
    return Effect.fnUntraced(function* (request: AlterUserScramCredentialsRequest, context: RequestContext) {
      yield* authorizeCluster(context, "alter")
      let outcomes: UserOutcomes = new Map()
      yield* change((present) => {
        const decided = alterScramUsers(request, present, keyOf)
        outcomes = decided.outcomes
        return decided.rows
      })
      return { results: resultsOf(outcomes) }
    })
  }),
  refuse: ({ deletions, upsertions }, _code, error) => ({
    results: resultsOf(new Map([...deletions, ...upsertions].map(({ name }) => [name, error])))
  })
})
