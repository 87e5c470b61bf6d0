// Serves: ConsumerGroupDescribe in all versions.
// Left out: nothing.

import { ConsumerGroups } from "@tusk/coordinator/group/shell/ConsumerGroups"
import type { ConsumerGroupDescription } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { CoordinatorNotAvailable } from "@tusk/protocol/KafkaError"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import * as Effect from "effect/Effect"
import { DESCRIBE_RIGHTS, groupDescriptions } from "../groups/groupDescriptions.ts"
import { handler } from "../request/Handler.ts"

/** MemberType of version 1 (KIP-1099). */
const CLASSIC = 0
const CONSUMER = 1

const { answer, refuse } = groupDescriptions({
  none: { assignorName: "", members: [] },
  ownOf: ({ assignorName, members }: ConsumerGroupDescription) => ({
    assignorName,
    members: members.map(({ assignment, isClassic, targetAssignment, ...member }) => ({
      ...member,
      assignment: { topicPartitions: assignment },
      targetAssignment: { topicPartitions: targetAssignment },
      memberType: isClassic ? CLASSIC : CONSUMER
    }))
  }),
  topicsOf: ({ members }) =>
    members.flatMap(({ assignment, targetAssignment }) =>
      [...assignment, ...targetAssignment].map(({ topicName }) => topicName)
    ),
  hidden: "The group has described topic(s) that the client is not authorized to describe."
})

export const consumerGroupDescribe = handler({
  api: ConsumerGroupDescribe,
  resources: ({ groupIds }) => ({ groups: groupIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: DESCRIBE_RIGHTS,
  make: Effect.map(ConsumerGroups, (groups) => (request, context) => answer(request, context, groups.describe)),
  refuse
})
