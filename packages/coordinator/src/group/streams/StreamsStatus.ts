/** What is wrong with a group, beside its answer; by Kafka's names (StreamsGroupHeartbeatResponse.Status). */
export type StatusName =
  | "STALE_TOPOLOGY"
  | "MISSING_SOURCE_TOPICS"
  | "INCORRECTLY_PARTITIONED_TOPICS"
  | "MISSING_INTERNAL_TOPICS"
  | "SHUTDOWN_APPLICATION"
  | "ASSIGNMENT_DELAYED"

export interface StreamsStatus {
  readonly name: StatusName
  readonly detail: string
}

/** As the wire has them. */
export const statusCodes: { readonly [Name in StatusName]: number } = {
  STALE_TOPOLOGY: 0,
  MISSING_SOURCE_TOPICS: 1,
  INCORRECTLY_PARTITIONED_TOPICS: 2,
  MISSING_INTERNAL_TOPICS: 3,
  SHUTDOWN_APPLICATION: 4,
  ASSIGNMENT_DELAYED: 5
}
