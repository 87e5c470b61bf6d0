// Serves: ShareGroupDescribe 1.
// Left out: version 0.
// Why: it was a preview, which no client of today sends.

import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import type { ShareGroupDescription } from "@tusk/coordinator/group/shell/ShareGroups"
import { CoordinatorNotAvailable } from "@tusk/protocol/KafkaError"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import * as Effect from "effect/Effect"
import { DESCRIBE_RIGHTS, groupDescriptions } from "../groups/groupDescriptions.ts"
import { handler } from "../request/Handler.ts"

/** The one assignor of share groups. */
const ASSIGNOR = "simple"

const { answer, refuse } = groupDescriptions({
  none: { assignorName: "", members: [] },
  ownOf: ({ members }: ShareGroupDescription) => ({
    assignorName: ASSIGNOR,
    members: members.map(({ assignment, ...member }) => ({ ...member, assignment: { topicPartitions: assignment } }))
  }),
  topicsOf: ({ members }) => members.flatMap(({ assignment }) => assignment.map(({ topicName }) => topicName)),
  hidden: "The group has described topic(s) that the client is not authorized to describe."
})

export const shareGroupDescribe = handler({
  api: ShareGroupDescribe,
  resources: ({ groupIds }) => ({ groups: groupIds }),
  // Version 0 was a preview.
  versions: [1, 1],
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: DESCRIBE_RIGHTS,
  make: Effect.map(ShareGroups, (groups) => (request, context) => answer(request, context, groups.describe)),
  refuse
})
