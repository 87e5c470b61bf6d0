// Serves: CreateAcls in all versions: rows of kafka.acls, all that are well formed in one commit.
// Left out: nothing.

import { errorCode, errorMessage, NONE, SecurityDisabled, UnknownServerError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import type { CreateAclsRequest } from "@tusk/protocol/messages/CreateAcls"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { Acls } from "@tusk/storage/security/Acls"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { createsUnknown, isFilter, problemOf, rowOf } from "../security/acl/newAcl.ts"

// As Kafka, which says nothing with an empty text.
const CREATED = { errorCode: NONE, errorMessage: "" }

const refused = (error: KafkaError) => ({ errorCode: errorCode(error), errorMessage: errorMessage(error) })

export const createAcls = handler({
  api: CreateAcls,
  resources: () => CLUSTER,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: false,
  make: Effect.gen(function* () {
    const acls = yield* Acls

    /** What becomes of the rows that are well formed: all of them or none. */
    const store = (rows: ReadonlyArray<StoredAcl>): Effect.Effect<KafkaError | undefined> =>
      rows.length === 0
        ? Effect.succeed(undefined)
        : Effect.match(
            acls.change((present) => new Map([...present, ...rows.map((row) => [acls.keyOf(row), row] as const)])),
            { onFailure: (error) => error, onSuccess: () => undefined }
          )

    return Effect.fnUntraced(function* ({ creations }: CreateAclsRequest, context: RequestContext) {
      if (creations.some(createsUnknown)) {
        context.connection.close("a CreateAcls request has an UNKNOWN element")
        return undefined
      }
      yield* authorizeCluster(context, "alter")
      if (!context.connection.authorizer.isOn) {
        return yield* Effect.fail(new SecurityDisabled({ message: "No Authorizer is configured." }))
      }
      const rows = creations.map(rowOf)
      if (rows.some(isFilter)) return yield* Effect.fail(new UnknownServerError())
      const problems = rows.map(problemOf)
      const failure = yield* store(rows.filter((_, i) => problems[i] === undefined))
      return {
        results: problems.map((problem) => {
          const error = problem ?? failure
          return error === undefined ? CREATED : refused(error)
        })
      }
    })
  }),
  refuse: ({ creations }, _code, error) => ({ results: creations.map(() => refused(error)) })
})
