// Serves: ConsumerGroupDescribe in all versions.
// Left out: nothing.

import { ConsumerGroups } from "@tusk/coordinator/group/shell/ConsumerGroups"
import type { ConsumerGroupDescription } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { CoordinatorNotAvailable } from "@tusk/protocol/KafkaError"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import * as Effect from "effect/Effect"
import { groupDescriptions } from "../groups/groupDescriptions.ts"
import { handler } from "../request/Handler.ts"

/** MemberType of version 1 (KIP-1099). */
const CLASSIC = 0
const CONSUMER = 1

const { answer, refuse } = groupDescriptions(
  { assignorName: "", members: [] },
  ({ assignorName, members }: ConsumerGroupDescription) => ({
    assignorName,
    members: members.map(({ assignment, isClassic, targetAssignment, ...member }) => ({
      ...member,
      assignment: { topicPartitions: assignment },
      targetAssignment: { topicPartitions: targetAssignment },
      memberType: isClassic ? CLASSIC : CONSUMER
    }))
  })
)

export const consumerGroupDescribe = handler({
  api: ConsumerGroupDescribe,
  resources: ({ groupIds }) => ({ groups: groupIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.map(
    ConsumerGroups,
    (groups) => (request, context) => Effect.map(groups.describe(request.groupIds), answer(request, context))
  ),
  refuse
})
