import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { ASSIGNOR_NAMES } from "./ConsumerDraft.ts"
import type { ConsumerTerms } from "./ConsumerGroupState.ts"

/** What a consumer group's machine goes by, of a group's configs as they are now. */
export const termsOf = (config: GroupResourceConfig): ConsumerTerms => ({
  sessionTimeoutMs: config.consumerSessionTimeoutMs,
  heartbeatIntervalMs: config.consumerHeartbeatIntervalMs,
  assignmentIntervalMs: config.consumerAssignmentIntervalMs,
  maxSize: config.consumerMaxSize,
  assignors: config.consumerAssignors.filter((name) => ASSIGNOR_NAMES.includes(name)),
  regexRefreshIntervalMs: config.consumerRegexRefreshIntervalMs
})
