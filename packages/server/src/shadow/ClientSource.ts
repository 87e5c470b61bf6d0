import { describeConfigs } from "@tusk/client/admin/Configs"
import { committedOffsets } from "@tusk/client/admin/GroupOffsets"
import { listGroups } from "@tusk/client/admin/Groups"
import { EARLIEST, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import type { BrokerConnection } from "@tusk/client/BrokerConnection"
import { Refused } from "@tusk/client/ClientError"
import { KafkaClient } from "@tusk/client/KafkaClient"
import { Hidden } from "@tusk/client/consume/FetchedRecords"
import type { ShadowPlace } from "@tusk/storage/port/ShadowRows"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { clusterIdOf, fetchedOne, leaderNow, oneOf } from "./ClientTarget.ts"
import { mirrored } from "./configs.ts"
import type { ShadowSource } from "./ShadowPorts.ts"

const OFFSET_OUT_OF_RANGE = 1
const EMPTY_AGAIN_MS = 100

/** As if there were something to be read: whoever waits learns what is wrong. */
const SOMETHING = (1n << 63n) - 1n

const keyOf = ({ partition, topic }: ShadowPlace): string => `${partition} ${topic}`

/** Looks at the ends of all partitions that somebody waits for, in one question. */
const makeLooking = (client: KafkaClient["Service"], everyMs: number) =>
  Effect.gen(function* () {
    const ends = new Map<string, bigint>()
    const waiting = new Map<string, ShadowPlace>()
    const signal = makeSignal()
    const look = Effect.gen(function* () {
      const places = Array.from(waiting.values())
      if (places.length === 0) return
      const found = yield* listOffsets(places, LATEST, "read_committed")
      for (const { partition, result, topic } of found) {
        ends.set(keyOf({ topic, partition }), result instanceof Refused ? SOMETHING : result.offset)
      }
    }).pipe(
      Effect.catch(() =>
        Effect.sync(() => {
          for (const key of waiting.keys()) ends.set(key, SOMETHING)
        })
      ),
      Effect.provideService(KafkaClient, client)
    )
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.andThen(look, Effect.sync(signal.notify)), Effect.sleep(everyMs)))
    )
    return (place: ShadowPlace, seen: bigint): Effect.Effect<void> =>
      Effect.suspend(() => {
        const key = keyOf(place)
        ends.delete(key)
        waiting.set(key, place)
        return Effect.ensuring(
          signal.until(() => (ends.get(key) ?? -1n) > seen),
          Effect.sync(() => waiting.delete(key))
        )
      })
  })

const topicsOf = (client: KafkaClient["Service"]) =>
  Effect.gen(function* () {
    const { topics } = yield* client.metadata(null)
    const own = Array.from(topics.values()).filter(({ error, isInternal }) => !isInternal && error === undefined)
    return yield* Effect.forEach(own, ({ name, partitions, topicId }) =>
      Effect.map(describeConfigs({ type: "topic", name }), (configs) => ({
        name,
        topicId: topicId ?? "",
        partitions: partitions.length,
        configs: mirrored(configs.flatMap(ownOf))
      }))
    )
  }).pipe(Effect.provideService(KafkaClient, client))

/** Of kinds that commit offsets. */
const groupsOf = (client: KafkaClient["Service"]) =>
  Effect.gen(function* () {
    const groups = (yield* listGroups).filter(({ type }) => type !== "share")
    return yield* Effect.forEach(groups, ({ group }) =>
      Effect.map(committedOffsets(group), (offsets) => ({ group, offsets }))
    )
  }).pipe(Effect.provideService(KafkaClient, client))

/** A Tusk that is asked as its consumers ask it. `everyMs`: how often it is looked whether there is something new. */
export const clientSource = (
  client: KafkaClient["Service"],
  everyMs: number
): Effect.Effect<ShadowSource, never, Scope.Scope> =>
  Effect.gen(function* () {
    const using = <A, E>(effect: Effect.Effect<A, E, KafkaClient>) => Effect.provideService(effect, KafkaClient, client)
    const moved = yield* makeLooking(client, everyMs)
    const leaders = new Map<string, BrokerConnection>()

    const leader = (place: ShadowPlace) =>
      Effect.gen(function* () {
        const known = leaders.get(keyOf(place))
        if (known?.isOpen() === true) return known
        const found = yield* leaderNow(client, place)
        leaders.set(keyOf(place), found)
        return found
      })

    const ends = Effect.fnUntraced(function* (place: ShadowPlace) {
      const start = yield* Effect.flatMap(using(listOffsets([place], EARLIEST)), oneOf)
      const stable = yield* Effect.flatMap(using(listOffsets([place], LATEST, "read_committed")), oneOf)
      return { logStartOffset: start.offset, lastStableOffset: stable.offset }
    })

    const readOnce = Effect.fnUntraced(function* (place: ShadowPlace, from: bigint, maxBytes: number) {
      const { batches, fetched, isHeldBack } = yield* fetchedOne(yield* leader(place), place, from, maxBytes, 1)
      const hidden = new Hidden(fetched.abortedTransactions)
      const aborted = new Set(batches.filter((batch) => hidden.hides(batch)))
      const isAborted = (batch: Uint8Array) => aborted.has(batch)
      const { lastStableOffset, logStartOffset } = fetched
      return { batches, isAborted, lastStableOffset, logStartOffset, emptyUntil: isHeldBack ? from : lastStableOffset }
    })

    const read = Effect.fnUntraced(function* (place: ShadowPlace, from: bigint, maxBytes: number) {
      const first = yield* readOnce(place, from, maxBytes)
      if (first.batches.length > 0 || first.lastStableOffset <= from) return first
      // That nothing is there is believed once it is said again.
      yield* Effect.sleep(EMPTY_AGAIN_MS)
      const again = yield* readOnce(place, from, maxBytes)
      const least = first.emptyUntil < again.emptyUntil ? first.emptyUntil : again.emptyUntil
      return { ...again, emptyUntil: least }
    })

    return {
      clusterId: clusterIdOf(client),
      topics: topicsOf(client),
      ends,
      read: (place, from, maxBytes) =>
        read(place, from, maxBytes).pipe(
          Effect.tapError(() => Effect.sync(() => leaders.delete(keyOf(place)))),
          Effect.catchIf(
            (error) => error instanceof Refused && error.code === OFFSET_OUT_OF_RANGE,
            () =>
              Effect.map(ends(place), (found) => ({
                ...found,
                batches: [],
                isAborted: () => false,
                emptyUntil: from
              }))
          )
        ),
      moved,
      groups: groupsOf(client)
    }
  })

/** A topic's own config; Kafka tells those of brokers and defaults, too. */
const ownOf = ({ name, source, value }: { name: string; source: string; value: string | null }) =>
  source === "DYNAMIC_TOPIC_CONFIG" && value !== null ? [[name, value] as const] : []
