/** Answers without what has to differ: ids that a broker gives, addresses, times, sizes. */
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import type { World } from "./World.ts"

/** Values that are a broker's own; what stands for "none" stays. */
const OWN: ReadonlySet<string> = new Set([
  "clusterId",
  "host",
  "port",
  "producerId",
  "memberId",
  "leader",
  "sessionId",
  "clientInstanceId",
  "subscriptionId",
  "logDir",
  "partitionSize",
  "totalBytes",
  "usableBytes",
  "timestamp",
  "logAppendTimeMs",
  "maxTimestamp",
  "lastTimestamp",
  "transactionStartTimeMs",
  "offsetsEpoch",
  "replicaDirectoryId",
  "voterDirectoryId",
  "tokenId",
  "hmac",
  "salt",
  "issueTimestamp",
  "issueTimestampMs",
  "expiryTimestamp",
  "expiryTimestampMs",
  "maxTimestampMs",
  "throttleTimeMs",
  "finalizedFeaturesEpoch"
])

/** Also 0 is one of these. */
const EPOCHS: ReadonlySet<string> = new Set(["leaderEpoch", "currentLeaderEpoch", "committedLeaderEpoch"])

/** Parts of messages that tell of the broker's own insides. */
const INSIDES: ReadonlyArray<readonly [RegExp, string]> = [
  [/Request Request\(processor=[^]*?envelope=\S+\) needs/g, "Request needs"]
]

const NONE: ReadonlySet<unknown> = new Set([null, undefined, "", -1, -1n, 0, 0n, ZERO_UUID])

/** Topics that Kafka makes for itself, and configs that only Tusk has. */
const isInternal = (value: any): boolean =>
  typeof value === "object" &&
  value !== null &&
  [value.name, value.topic, value.topicName, value.resourceName].some((name) =>
    /^(?:__\w|tusk\.)/.test(String(name ?? ""))
  )

/** What an element of a list is called by. */
const NAMES = [
  "name",
  "topic",
  "topicName",
  "topicId",
  "groupId",
  "key",
  "user",
  "transactionalId",
  "resourceName",
  "entityName",
  "partitionIndex",
  "partition"
]

/** Lists by name are in the order of some hash table, in Kafka also of ids; others say by their order what they are about. */
const ordered = (list: ReadonlyArray<any>): ReadonlyArray<unknown> => {
  if (!list.every((one) => typeof one === "object" && one !== null && NAMES.some((name) => name in one))) return list
  return list
    .map((one) => [JSON.stringify([NAMES.map((name) => one[name]), one]), one] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one)
}

/** What stays of an answer, as text. */
export const normalised = (answer: unknown, { ids, logDir }: World, known: ReadonlySet<string>): string => {
  const nameOf = new Map(Array.from(ids, ([name, id]) => [id, name]))
  const textOf = (text: string): string => {
    let shown = text.replaceAll(logDir, "<log dir>")
    for (const [id, name] of nameOf) shown = shown.replaceAll(id, `<id of ${name}>`)
    for (const [inside, instead] of INSIDES) shown = shown.replaceAll(inside, instead)
    return shown
  }
  const without = (key: string, value: any): unknown => {
    if (typeof value === "string" && known.has(value)) return textOf(value)
    if (typeof value === "string" && nameOf.has(value)) return textOf(value)
    if (key === "topicId") return value === ZERO_UUID || known.has(value) ? value : "<id>"
    if (EPOCHS.has(key) && value >= 0) return "<epoch>"
    if (OWN.has(key) && !NONE.has(value)) return `<${key}>`
    if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`
    if (Array.isArray(value)) return ordered(value.filter((one) => !isInternal(one)).map((one) => without(key, one)))
    if (typeof value === "bigint") return Number(value)
    if (typeof value === "string") return textOf(value)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, without(name, one)]))
  }
  return JSON.stringify(without("", answer))
}
