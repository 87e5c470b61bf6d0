// Serves: StreamsGroupDescribe.
// Left out: the offsets of tasks, which are empty.
// Why: the heartbeat keeps none of them.

import { StreamsGroups } from "@tusk/coordinator/group/shell/StreamsGroups"
import type { StreamsGroupDescription } from "@tusk/coordinator/group/streams/StreamsDescription"
import { CoordinatorNotAvailable } from "@tusk/protocol/KafkaError"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import * as Effect from "effect/Effect"
import { groupDescriptions } from "../groups/groupDescriptions.ts"
import { handler } from "../request/Handler.ts"

const { answer, refuse } = groupDescriptions(
  { topology: null, members: [] },
  ({ members, topology }: StreamsGroupDescription) => ({
    topology,
    members: members.map((member) => ({
      ...member,
      instanceId: null,
      taskOffsets: [],
      taskEndOffsets: [],
      isClassic: false
    }))
  })
)

export const streamsGroupDescribe = handler({
  api: StreamsGroupDescribe,
  resources: ({ groupIds }) => ({ groups: groupIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.map(
    StreamsGroups,
    (groups) => (request, context) => Effect.map(groups.describe(request.groupIds), answer(request, context))
  ),
  refuse
})
