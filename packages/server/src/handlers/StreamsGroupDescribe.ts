// Serves: StreamsGroupDescribe.
// Left out: the offsets of tasks, which are empty.
// Why: the heartbeat keeps none of them.

import { StreamsGroups } from "@tusk/coordinator/group/shell/StreamsGroups"
import type { DescribedSubtopology, StreamsGroupDescription } from "@tusk/coordinator/group/streams/StreamsDescription"
import { CoordinatorNotAvailable } from "@tusk/protocol/KafkaError"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import * as Effect from "effect/Effect"
import { DESCRIBE_RIGHTS, groupDescriptions } from "../groups/groupDescriptions.ts"
import { handler } from "../request/Handler.ts"

const topicNames = (told: DescribedSubtopology): ReadonlyArray<string> => [
  ...told.sourceTopics,
  ...told.repartitionSinkTopics,
  ...told.repartitionSourceTopics.map(({ name }) => name),
  ...told.stateChangelogTopics.map(({ name }) => name)
]

const { answer, refuse } = groupDescriptions({
  none: { topology: null, members: [] },
  ownOf: ({ members, topology }: StreamsGroupDescription) => ({
    topology,
    members: members.map((member) => ({
      ...member,
      instanceId: null,
      taskOffsets: [],
      taskEndOffsets: [],
      isClassic: false
    }))
  }),
  topicsOf: ({ topology }) => (topology?.subtopologies ?? []).flatMap(topicNames),
  hidden: "The described group uses topics that the client is not authorized to describe."
})

export const streamsGroupDescribe = handler({
  api: StreamsGroupDescribe,
  resources: ({ groupIds }) => ({ groups: groupIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: DESCRIBE_RIGHTS,
  make: Effect.map(StreamsGroups, (groups) => (request, context) => answer(request, context, groups.describe)),
  refuse
})
