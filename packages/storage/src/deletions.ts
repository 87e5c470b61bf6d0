import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { writing } from "./commit/Participant.ts"
import { GroupStore } from "./groups/GroupStore.ts"
import { Log } from "./log/Log.ts"
import { Offsets } from "./offsets/Offsets.ts"
import { SqlClaims } from "./offsets/SqlClaims.ts"
import { Topics } from "./topics/Topics.ts"

/** What storage keeps in memory of a topic or a group goes in the commit that deletes it. The store takes the rows itself. */
export const deletions: Layer.Layer<never, never, Topics | GroupStore | Offsets | SqlClaims | Log> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const topics = yield* Topics
      const groups = yield* GroupStore
      const offsets = yield* Offsets
      const claims = yield* SqlClaims
      const log = yield* Log
      topics.onDeleted({ joined: ({ partitionIds }) => offsets.forgetting(partitionIds) })
      topics.onDeleted({ joined: ({ partitionIds }) => claims.forgetting(partitionIds) })
      topics.onDeleted({ joined: ({ partitionIds }) => writing([], () => log.forget(partitionIds)) })
      groups.onDeleted({ joined: (groupId) => offsets.forgettingGroup(groupId) })
    })
  )
