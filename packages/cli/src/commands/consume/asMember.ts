/** `tusk consume --group`. */
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { committedOffsets, commitOffsets } from "@tusk/client/admin/GroupOffsets"
import { LATEST } from "@tusk/client/admin/Offsets"
import { fetching } from "@tusk/client/consume/Fetching"
import type { FetchOptions, Position } from "@tusk/client/consume/Fetching"
import { heartbeats, joinGroup, leaveGroup, mustRejoin } from "@tusk/client/consume/Membership"
import type { Membership } from "@tusk/client/consume/Membership"
import type { ClientError } from "@tusk/client/ClientError"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import type { TopicMetadata, TopicPartition } from "@tusk/client/Metadata"
import type { Place } from "../../values/Place.ts"
import { offsetsAt, offsetsOf } from "../places.ts"
import type { PlacedOffset } from "../places.ts"
import type { printing } from "./printing.ts"

/** What a member is to do. */
export interface AsMember {
  readonly group: string
  readonly topics: ReadonlyArray<TopicMetadata>
  /** Where to begin where the group was never. */
  readonly place: Place
  readonly exitAtEnd: boolean
  readonly options: FetchOptions
  readonly printer: Effect.Success<ReturnType<typeof printing>>
}

const COMMIT_EVERY_MS = 1000
/** How long a member that goes waits for its last commit. */
const LEAVE_MS = 5000

const key = ({ partition, topic }: TopicPartition): string => `${partition} ${topic}`

/** Where the group was, or where it begins. */
const positionsOf = ({ assigned, group }: Membership, { exitAtEnd, options, place }: AsMember) =>
  Effect.gen(function* () {
    const isolation = options.isolation === "read_committed" ? options.isolation : undefined
    const committed = new Map((yield* committedOffsets(group)).map((each) => [key(each), each.offset]))
    const fresh = yield* offsetsOf(
      assigned.filter((each) => !committed.has(key(each))),
      place,
      isolation
    )
    const begins = new Map([...committed, ...fresh.map((each) => [key(each), each.offset] as const)])
    const ends = exitAtEnd ? yield* offsetsAt(assigned, LATEST, isolation) : undefined
    return assigned.map((each, i): Position => ({ ...each, offset: begins.get(key(each))!, end: ends?.[i]?.offset }))
  })

/** One generation: prints and commits until the group rebalances, or nothing more is wanted. */
const generation = (membership: Membership, asked: AsMember) =>
  Effect.gen(function* () {
    const { options, printer } = asked
    const printed = new Map<string, PlacedOffset>()
    let committedAt = performance.now()
    const commit = Effect.suspend(() => {
      const offsets = [...printed.values()]
      printed.clear()
      committedAt = performance.now()
      return offsets.length === 0 ? Effect.void : commitOffsets(membership, offsets)
    })
    const take = (place: TopicPartition, records: ReadonlyArray<DecodedRecord>) =>
      Effect.gen(function* () {
        const last = (yield* printer.print(place, records)).at(-1)
        if (last !== undefined) printed.set(key(place), { ...place, offset: last.offset + 1n })
        if (performance.now() - committedAt > COMMIT_EVERY_MS) yield* commit
        return printer.isDone() ? ("done" as const) : ("more" as const)
      })
    const read = Effect.gen(function* () {
      const positions = yield* positionsOf(membership, asked)
      yield* fetching(positions, options, take)
      // With nothing assigned there is nothing to end at.
      return positions.length === 0 && !asked.exitAtEnd ? yield* Effect.never : ("done" as const)
    })
    const rebalanced = Effect.as(heartbeats(membership), "rejoin" as const)
    const last = Effect.timeoutOption(Effect.ignore(commit), LEAVE_MS)
    return yield* Effect.ensuring(Effect.raceFirst(read, rebalanced), last)
  })

/** Consumes as a member of a group. What is printed is committed: each second, at a rebalance, and at the end. */
export const consumeAsMember = (asked: AsMember): Effect.Effect<void, ClientError, KafkaClient> => {
  const names = asked.topics.map(({ name }) => name)
  const from = (memberId: string): Effect.Effect<void, ClientError, KafkaClient> =>
    Effect.gen(function* () {
      const membership = yield* joinGroup(asked.group, names, memberId)
      const leave = Effect.timeoutOption(Effect.ignore(leaveGroup(membership)), LEAVE_MS)
      const outcome = yield* generation(membership, asked).pipe(
        Effect.catchIf(mustRejoin, () => Effect.succeed("rejoin" as const)),
        Effect.onExit((exit) => (exit._tag === "Success" && exit.value === "rejoin" ? Effect.void : leave))
      )
      if (outcome === "rejoin") return yield* from(membership.memberId)
    })
  return from("")
}
