// Serves: DescribeUserScramCredentials: finds no user.
// Left out: credentials.
// Why: no user has any, and none can be set.

import { DuplicateResource, errorCode, errorMessage, NONE, ResourceNotFound } from "@tusk/protocol/KafkaError"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import type { DescribeUserScramCredentialsRequest } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER } from "../request/Resources.ts"

export const describeUserScramCredentials = handler({
  api: DescribeUserScramCredentials,
  resources: () => CLUSTER,
  reads: true,
  make: Effect.succeed(({ users }: DescribeUserScramCredentialsRequest) =>
    Effect.sync(() => {
      const asked = new Map<string, number>()
      for (const { name } of users ?? []) asked.set(name, (asked.get(name) ?? 0) + 1)
      const results = Array.from(asked, ([user, times]) => {
        const error =
          times > 1
            ? new DuplicateResource({
                message: `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
              })
            : new ResourceNotFound({
                message: `Attempt to describe a user credential that does not exist: ${user}`
              })
        return { user, errorCode: errorCode(error), errorMessage: errorMessage(error), credentialInfos: [] }
      })
      return { errorCode: NONE, errorMessage: "", results }
    })
  ),
  refuse: (_request, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    results: []
  })
})
