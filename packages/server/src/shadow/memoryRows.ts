import type {
  MappedOffset,
  ShadowPartition,
  ShadowPlace,
  ShadowProducer,
  ShadowRows
} from "@tusk/storage/port/ShadowRows"
import * as Effect from "effect/Effect"

const keyOf = (clusterId: string, { partition, topic }: ShadowPlace): string => `${clusterId} ${partition} ${topic}`

const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** Where there is no database: what is known is gone with the process, as the log is that has none. */
export const memoryRows = (): ShadowRows => {
  const producers = new Map<string, ShadowProducer>()
  const rows = new Map<string, ShadowPartition>()
  const maps = new Map<string, Array<MappedOffset>>()
  const ofCluster = (clusterId: string) => Array.from(rows).filter(([key]) => key.startsWith(`${clusterId} `))

  const change = (clusterId: string, place: ShadowPlace, by: (row: ShadowPartition) => Partial<ShadowPartition>) => {
    const row = rows.get(keyOf(clusterId, place))
    if (row !== undefined) rows.set(keyOf(clusterId, place), { ...row, ...by(row) })
  }
  return {
    producer: (clusterId) => Effect.sync(() => producers.get(clusterId)),
    putProducer: (clusterId, producer) =>
      Effect.sync(() => {
        const kept = producers.get(clusterId) ?? producer
        producers.set(clusterId, kept)
        return kept
      }),
    partitions: (clusterId, place) =>
      Effect.sync(() =>
        ofCluster(clusterId)
          .filter(([key]) => place === undefined || key === keyOf(clusterId, place))
          .map(([, row]) => row)
      ),
    begin: (clusterId, partition) =>
      Effect.sync(() => {
        const key = keyOf(clusterId, partition)
        if (!rows.has(key)) rows.set(key, partition)
      }),
    note: (clusterId, progress) =>
      Effect.sync(() => {
        for (const { partition, sourceEnd, sourceNext, targetEnd, topic } of progress) {
          change(clusterId, { topic, partition }, (row) => ({
            targetEnd: greatest(row.targetEnd, targetEnd),
            sourceNext: greatest(row.sourceNext, sourceNext),
            sourceEnd: greatest(row.sourceEnd, sourceEnd),
            stoppedWhy: undefined
          }))
        }
      }),
    stop: (clusterId, place, stoppedWhy) => Effect.sync(() => change(clusterId, place, () => ({ stoppedWhy }))),
    forget: (clusterId, place) =>
      Effect.sync(() => {
        rows.delete(keyOf(clusterId, place))
        maps.delete(keyOf(clusterId, place))
      }),
    // Only this process knows of it.
    lockMap: () => Effect.succeed(true),
    mapped: (clusterId, place) => Effect.sync(() => maps.get(keyOf(clusterId, place)) ?? []),
    map: (clusterId, place, entries) =>
      Effect.sync(() => {
        const key = keyOf(clusterId, place)
        const known = maps.get(key)
        if (known === undefined) maps.set(key, [...entries])
        else known.push(...entries)
        return true
      }),
    trimMap: (clusterId, place, { from, oldest }) =>
      Effect.sync(() => {
        const key = keyOf(clusterId, place)
        maps.set(
          key,
          (maps.get(key) ?? []).filter(({ target }) => target < from && target >= oldest)
        )
      })
  }
}
