import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { Log } from "@tusk/storage/log/Log"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { begin, persisted } from "../share/SharePartition.ts"
import { partitionRow } from "../share/ShareRows.ts"
import type { SharePartitionRows } from "./SharePartitionRows.ts"

/** The offset at which a group begins in a partition. */
export type StartOf = (groupId: string, partitionId: number) => Effect.Effect<bigint, KafkaError>

/** The offset at which a group begins that was never in the partition, by `share.auto.offset.reset`. */
export const makeStartOf = (log: Log["Service"], configs: (groupId: string) => GroupResourceConfig): StartOf =>
  Effect.fnUntraced(function* (groupId: string, partitionId: number) {
    const [end] = yield* log.ends([partitionId])
    if (end === undefined) return yield* new UnknownTopicOrPartition()
    if (isKafkaError(end)) return yield* Effect.fail(end)
    const { shareAutoOffsetReset } = configs(groupId)
    if (shareAutoOffsetReset === "earliest") return end.logStartOffset
    if (shareAutoOffsetReset === "latest") return end.highWatermark
    const since = BigInt((yield* Clock.currentTimeMillis) - shareAutoOffsetReset.byDurationMs)
    return (yield* log.findByTimestamp(partitionId, since))?.offset ?? end.highWatermark
  })

/** Begins in those of the partitions in which the group never was, all in one commit. */
export const beginIn = Effect.fnUntraced(function* (
  rows: SharePartitionRows,
  startOf: StartOf,
  check: (groupId: string) => Effect.Effect<void, KafkaError>,
  timeoutMs: number,
  groupId: string,
  partitionIds: ReadonlyArray<number>
) {
  const known = (yield* rows.all).get(groupId)
  const begun: Array<{ readonly partitionId: number; readonly value: string }> = []
  for (const partitionId of partitionIds) {
    if (known?.has(partitionId) === true) continue
    const state = begin(yield* startOf(groupId, partitionId))
    begun.push({ partitionId, value: partitionRow.encode(persisted(state)) })
  }
  if (begun.length === 0) return
  yield* check(groupId)
  // If that fails it is not known whether it was stored.
  yield* Effect.tapError(rows.put(groupId, begun, timeoutMs), () => Effect.sync(() => rows.lose()))
})
