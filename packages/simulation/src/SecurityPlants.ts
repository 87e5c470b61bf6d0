import { Authorizer } from "@tusk/server/request/Authorizer"
import { authorizer } from "@tusk/server/security/acl/AclAuthorizer"
import { Active } from "@tusk/storage/commit/Active"
import { security } from "@tusk/storage/security/security"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Plant } from "./Plant.ts"

/** What is asked of one topic is decided by the name of the topic that was asked for before. */
const authoriseByNameOfOtherTopic: Plant = {
  name: "authorise-by-name-of-other-topic",
  parts: {
    authorizer: Layer.effect(
      Authorizer,
      Effect.map(Authorizer, (right) => {
        let before: string | undefined
        return Authorizer.of({
          ...right,
          allows: (identity, host, operation, resourceType, name) => {
            if (resourceType !== "topic") return right.allows(identity, host, operation, resourceType, name)
            const asked = before ?? name
            before = name
            return right.allows(identity, host, operation, resourceType, asked)
          }
        })
      })
    ).pipe(Layer.provide(authorizer))
  }
}

/** After a take-over ACLs are those that the broker had in memory before. */
const keepOldRows: Plant = {
  name: "keep-old-rows",
  seed: 14,
  parts: {
    security: Layer.provide(
      security,
      Layer.effect(
        Active,
        Effect.map(Active, (active) => ({ ...active, onTakeOver: () => {} }))
      )
    )
  }
}

/** Brokers that let the wrong people do things. */
export const securityPlants: ReadonlyArray<Plant> = [authoriseByNameOfOtherTopic, keepOldRows]
