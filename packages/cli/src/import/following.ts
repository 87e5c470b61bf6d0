/** Reads what one broker of the source leads, and hands it to the target, for as long as nothing is in the way. */
import { isRetriable, Refused } from "@tusk/client/ClientError"
import type { BrokerConnection } from "@tusk/client/BrokerConnection"
import { leaderOf } from "@tusk/client/leaders"
import type { ClusterMetadata } from "@tusk/client/Metadata"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { deliver } from "./delivering.ts"
import type { Parcel } from "./delivering.ts"
import { fetchedBatches, filledUp, fillers } from "./fetchedBatches.ts"
import { halt } from "./ImportedPartition.ts"
import type { ImportedPartition, ImportedTopic } from "./ImportedPartition.ts"
import { fetchOnce, refusedFetch } from "./reading.ts"
import type { Answered, Asking } from "./reading.ts"
import { Unsettled } from "./settling.ts"
import type { Trouble } from "./settling.ts"
import type { Sides } from "./Sides.ts"

/** What following goes by. */
export interface FollowPorts {
  readonly sides: Sides
  readonly topics: ReadonlyMap<string, ImportedTopic>
  readonly targetCluster: ClusterMetadata
  readonly settle: (parts: ReadonlyArray<ImportedPartition>) => Effect.Effect<void, Trouble>
  /** Something has changed: ends, or what is halted. */
  readonly moved: Effect.Effect<void>
}

const MAX_WAIT_MS = 500
/** Held at once for each broker of the source: one answer that is delivered, and one that is read meanwhile. */
const MAX_BYTES = 8 * 1024 * 1024
const PARTITION_MAX_BYTES = 1024 * 1024
/** What a request may hold (`socket.request.max.bytes` of a broker that nobody set it for). */
const LARGEST_BATCH = 100 * 1024 * 1024 - 64 * 1024
const PAUSE_MS = 100
/** Doubts about a partition in a row that do not bring its end further. */
const MOST_DOUBTS = 20
const OFFSET_OUT_OF_RANGE = 1

const keyOf = ({ partition, topic }: { readonly topic: string; readonly partition: number }) => `${partition} ${topic}`

/** One leader's partitions. */
class Following {
  readonly #ports: FollowPorts
  readonly #connection: BrokerConnection
  readonly #parts: ReadonlyMap<string, ImportedPartition>
  readonly #doubts = new Map<ImportedPartition, { readonly end: bigint; readonly count: number }>()
  readonly #asking: Asking

  constructor(ports: FollowPorts, connection: BrokerConnection, parts: ReadonlyArray<ImportedPartition>) {
    this.#ports = ports
    this.#connection = connection
    this.#parts = new Map(parts.map((part) => [keyOf(part), part]))
    const topicIds = new Map<string, string>()
    for (const { name, topicId } of ports.topics.values()) if (topicId !== null) topicIds.set(name, topicId)
    this.#asking = {
      committed: true,
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: MAX_BYTES,
      partitionMaxBytes: PARTITION_MAX_BYTES,
      topicIds
    }
  }

  get #open(): ReadonlyArray<ImportedPartition> {
    return Array.from(this.#parts.values()).filter(({ topic }) => this.#ports.topics.get(topic)?.halted === undefined)
  }

  /** Ends once all of it is halted. */
  run(): Effect.Effect<void, Trouble> {
    return Effect.gen({ self: this }, function* () {
      let ahead = yield* this.#reading()
      while (this.#open.length > 0) {
        const { doubtful, parcels, refusal } = this.#taken(yield* Fiber.join(ahead))
        if (refusal !== undefined) return yield* refusal
        // The next answer comes while this one is delivered.
        ahead = yield* this.#reading()
        const doubts = [...doubtful, ...(yield* this.#delivered(parcels))]
        if (doubts.length > 0) {
          yield* Fiber.interrupt(ahead)
          yield* this.#settled(doubts)
          ahead = yield* this.#reading()
        }
        yield* this.#ports.moved
      }
      yield* Fiber.interrupt(ahead)
    }).pipe(Effect.scoped)
  }

  #reading() {
    const places = this.#open.map(({ epoch, partition, position: offset, topic }) => ({
      topic,
      partition,
      offset,
      epoch
    }))
    return Effect.forkScoped(fetchOnce(this.#connection, places, this.#asking), { startImmediately: true })
  }

  /** What an answer brings: parcels for the target, and partitions that are elsewhere than they seemed. */
  #taken(answers: ReadonlyArray<Answered>) {
    const parcels: Array<Parcel> = []
    const doubtful: Array<ImportedPartition> = []
    let failed: Refused | undefined
    for (const answer of answers) {
      const part = this.#parts.get(keyOf(answer))
      const topic = this.#ports.topics.get(answer.topic)
      if (part === undefined || topic === undefined || topic.halted !== undefined) continue
      const refusal = refusedFetch(answer)
      if (refusal?.code === OFFSET_OUT_OF_RANGE) doubtful.push(part)
      else if (refusal !== undefined) failed ??= refusal
      else {
        const parcel = parcelOf(topic, part, answer)
        if (parcel !== undefined) parcels.push(parcel)
      }
    }
    return { parcels, doubtful, refusal: failed }
  }

  /** Tells of which partitions it is not known how far the target is. */
  #delivered(parcels: ReadonlyArray<Parcel>): Effect.Effect<ReadonlyArray<ImportedPartition>, Trouble> {
    return Effect.gen({ self: this }, function* () {
      const byLeader = new Map<number, Array<Parcel>>()
      for (const parcel of parcels) {
        const leader = leaderOf(this.#ports.targetCluster, parcel)
        if (leader instanceof Refused) return yield* leader
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), parcel])
      }
      const { target } = this.#ports.sides
      const answers = yield* Effect.forEach(byLeader, ([leader, mine]) => deliver(target, leader, mine), {
        concurrency: "unbounded"
      })
      const doubtful: Array<ImportedPartition> = []
      for (const [parcel, outcome] of answers.flatMap((answer) => [...answer])) {
        const part = this.#parts.get(keyOf(parcel))!
        if (outcome._tag === "Stored") part.targetEnd = parcel.end
        else if (outcome._tag === "Doubtful") {
          doubtful.push(part)
          if (isRetriable(outcome.error)) yield* Effect.sleep(PAUSE_MS)
        } else this.#ports.topics.get(part.topic)!.halted = halt(part.topic, outcome.error.message)
      }
      return doubtful
    })
  }

  /** Another one may import the same: as long as the end rises, nothing is wrong. */
  #settled(parts: ReadonlyArray<ImportedPartition>): Effect.Effect<void, Trouble> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#ports.settle(parts)
      for (const part of parts) {
        const before = this.#doubts.get(part)
        const count = before?.end === part.targetEnd ? before.count + 1 : 1
        this.#doubts.set(part, { end: part.targetEnd, count })
        if (count <= MOST_DOUBTS) continue
        return yield* new Unsettled({ message: `partition ${part.partition} of ${part.topic} comes no further` })
      }
    })
  }
}

/** What is to be sent of an answer; a log that ends with what nobody sees is filled up to its end, once nothing more comes. */
const parcelOf = (topic: ImportedTopic, part: ImportedPartition, { data }: Answered): Parcel | undefined => {
  const { divergingEpoch, highWatermark, lastStableOffset, logStartOffset } = data
  const { partition } = part
  if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0n) {
    const where = `partition ${partition} of the source was truncated at ${divergingEpoch.endOffset}`
    topic.halted = halt(topic.name, `${where}, after ${part.position} was read`)
    return undefined
  }
  part.sourceEnd = highWatermark
  part.sourceStable = lastStableOffset < 0n ? highWatermark : lastStableOffset
  if (logStartOffset > part.sourceStart) part.sourceStart = logStartOffset
  let read
  try {
    read = fetchedBatches(data, part.position, part.targetEnd)
  } catch (error) {
    topic.halted = halt(topic.name, `partition ${partition}: ${(error as Error).message}`)
    return undefined
  }
  const { batches, epoch, next } = read
  const isIdle = next === part.position && part.position >= part.sourceStable
  part.position = next
  if (epoch >= 0) part.epoch = epoch
  const whole = topic.compacted ? batches : filledUp(batches, part.targetEnd)
  const sent = whole.length > 0 ? whole : isIdle ? fillers(part.targetEnd, next) : []
  const last = sent.at(-1)
  if (last === undefined) return undefined
  const records = sent.length === 1 ? last : Buffer.concat(sent)
  if (records.byteLength > LARGEST_BATCH) {
    const where = `partition ${partition}: the batch at ${Batch.baseOffset(sent[0]!)}`
    topic.halted = halt(topic.name, `${where} has ${records.byteLength} bytes, more than a request may have`)
    return undefined
  }
  return { topic: topic.name, partition, records, behind: part.targetEnd, end: Batch.lastOffset(last) + 1n }
}

/** Follows one broker of the source until something is in the way, or all that it leads is halted. */
export const followLeader = (
  ports: FollowPorts,
  leader: number,
  parts: ReadonlyArray<ImportedPartition>
): Effect.Effect<void, Trouble> =>
  Effect.flatMap(ports.sides.source.broker(leader), (connection) => new Following(ports, connection, parts).run())
