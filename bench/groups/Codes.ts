/** The codes of Kafka's protocol that a member of a group acts on. */
export const NONE = 0
export const COORDINATOR_LOAD_IN_PROGRESS = 14
export const COORDINATOR_NOT_AVAILABLE = 15
export const NOT_COORDINATOR = 16
export const ILLEGAL_GENERATION = 22
export const UNKNOWN_MEMBER_ID = 25
export const REBALANCE_IN_PROGRESS = 27
export const GROUP_ID_NOT_FOUND = 69
export const MEMBER_ID_REQUIRED = 79
export const FENCED_INSTANCE_ID = 82
export const FENCED_MEMBER_EPOCH = 110
export const UNRELEASED_INSTANCE_ID = 111
export const STALE_MEMBER_EPOCH = 113

/** The coordinator is elsewhere or not ready: the same is asked again, soon. */
export const isCoordinatorAway = (code: number): boolean =>
  code === COORDINATOR_LOAD_IN_PROGRESS || code === COORDINATOR_NOT_AVAILABLE || code === NOT_COORDINATOR
