/**
 * What the views (`kafka.member_overview`, `kafka.member_lag`, `kafka.share_lag` …) read of the coordinator's rows, and all
 * that they read of them. A change that takes one of these fields away, or lets it hold something else, has to change
 * the views with it. Tests hold both ends: the views name no other field, and the coordinator's codecs write each as it
 * says here.
 */
export interface ViewField {
  /** Of groups of this kind. */
  readonly kind: "classic" | "consumer" | "share" | "streams"
  readonly row: "group" | "member" | "partition"
  /** Into the row's JSON: `[]` is every element of an array, `{}` every value of an object. */
  readonly path: string
  readonly holds: "text" | "text or null" | "number" | "base64" | "decimal"
}

const field = (
  kind: ViewField["kind"],
  row: ViewField["row"],
  path: string,
  holds: ViewField["holds"] = "text"
): ViewField => ({ kind, row, path, holds })

export const VIEW_FIELDS: ReadonlyArray<ViewField> = [
  field("classic", "group", "protocolType", "text or null"),
  field("classic", "group", "members[].memberId"),
  field("classic", "group", "members[].groupInstanceId", "text or null"),
  field("classic", "group", "members[].clientId"),
  field("classic", "group", "members[].clientHost"),
  /** Kafka's ConsumerProtocolAssignment if `protocolType` is "consumer". */
  field("classic", "group", "members[].assignment", "base64"),
  field("consumer", "member", "instanceId", "text or null"),
  field("consumer", "member", "clientId"),
  field("consumer", "member", "clientHost"),
  /** By topic id: partition index and epoch in turn. */
  field("consumer", "member", "assigned{}[]", "number"),
  field("share", "member", "clientId"),
  field("share", "member", "clientHost"),
  field("share", "partition", "startOffset", "decimal"),
  field("streams", "group", "topology.subtopologies[].subtopologyId"),
  field("streams", "group", "topology.subtopologies[].sourceTopics[]"),
  field("streams", "group", "topology.subtopologies[].repartitionSourceTopics[].name"),
  field("streams", "member", "clientId"),
  field("streams", "member", "clientHost"),
  /** By subtopology id and epoch: partition indexes of tasks. */
  field("streams", "member", "held.active{}{}[]", "number")
]

/** The same of a transactional id's row, for `kafka.transactions`. */
export const TRANSACTION_FIELDS: ReadonlyArray<Pick<ViewField, "path" | "holds">> = [
  { path: "producerId", holds: "decimal" },
  { path: "producerEpoch", holds: "number" },
  { path: "phase", holds: "text" },
  { path: "startedAtMs", holds: "number" },
  { path: "timeoutMs", holds: "number" },
  { path: "partitionIds[]", holds: "number" }
]
