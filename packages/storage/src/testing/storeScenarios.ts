import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../port/counters.ts"
import { Write } from "../port/Write.ts"
import type { Store } from "../port/Store.ts"
import type { Append, Unit } from "../port/Write.ts"

/** What a backend gives, and the suite tests. */
export type Port = Store["Service"]

/** The data of one new cluster. */
export interface ClusterUnderTest {
  /** One more broker's `Store` over the same data. */
  readonly open: Effect.Effect<Port, unknown, Scope.Scope>
  /** From now on the data lies on another timeline than the last take-over noted. */
  readonly failOver: Effect.Effect<void, unknown, Scope.Scope>
}

/** A backend under test. */
export interface StoreBackend {
  readonly cluster: Effect.Effect<ClusterUnderTest, unknown, Scope.Scope>
}

/** What a batch of the suite is made of; the rest follows from what lies before it in its partition. */
export interface Shape {
  readonly records?: number
  readonly bytes?: number
  readonly maxTimestamp?: bigint
  readonly producerId?: bigint
}

/** Makes appends that follow each other, as the log above the port does. */
export class Model {
  readonly batches: Array<Append> = []
  readonly partitionId: number
  private next = 0n
  private timestampHigh = -1n
  private bytes = 0n

  constructor(partitionId: number) {
    this.partitionId = partitionId
  }

  get end(): bigint {
    return this.next
  }

  /** Leaves offsets out, as compaction does. */
  skip(count: number): void {
    this.next += BigInt(count)
  }

  append(shape: Shape = {}): Append {
    const records = new Uint8Array(shape.bytes ?? 100).fill(this.batches.length % 251)
    const maxTimestamp = shape.maxTimestamp ?? BigInt(this.batches.length)
    if (maxTimestamp > this.timestampHigh) this.timestampHigh = maxTimestamp
    this.bytes += BigInt(records.byteLength)
    const baseOffset = this.next
    this.next += BigInt(shape.records ?? 1)
    const write = Write.Append({
      partitionId: this.partitionId,
      baseOffset,
      lastOffset: this.next - 1n,
      leaderEpoch: 1,
      maxTimestamp,
      timestampHigh: this.timestampHigh,
      cumulativeBytes: this.bytes,
      producerId: shape.producerId ?? -1n,
      producerEpoch: shape.producerId === undefined ? -1 : 3,
      baseSequence: shape.producerId === undefined ? -1 : this.batches.length,
      records
    })
    this.batches.push(write)
    return write
  }
}

export const TOPIC = "AAAAAAAAAAAAAAAAAAAAAA"
export const OTHER_TOPIC = "BBBBBBBBBBBBBBBBBBBBBB"
export const MEBIBYTE = 1024 * 1024

export const topicWith = (topicId: string, name: string, partitionIds: ReadonlyArray<number>): Unit => [
  Write.PutTopic({ topicId, name }),
  ...partitionIds.map((partitionId, index) => Write.PutPartition({ topicId, index, partitionId }))
]

export const offset = (groupId: string, partitionId: number, at: bigint, metadata: string | null = null) =>
  Write.PutOffset({
    groupId,
    partitionId,
    offset: at,
    leaderEpoch: 1,
    metadata,
    commitTimestamp: 1_700_000_000_000n,
    expireTimestamp: -1n
  })

/** Bytes as text: quick to compare, short to print. */
export const brief = (batches: ReadonlyArray<Uint8Array>) => batches.map((bytes) => `${bytes.byteLength}x${bytes[0]}`)
export const briefly = (appends: ReadonlyArray<Append>) => brief(appends.map((append) => append.records))

export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** What a test of a backend begins with. */
export const scenariosOf = (backend: StoreBackend) => {
  /** A test with a new cluster; its first store holds the lock. */
  const scenario = (
    title: string,
    body: (world: ClusterUnderTest & { readonly store: Port }) => Effect.Effect<unknown, unknown, Scope.Scope>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const cluster = yield* backend.cluster
        const store = yield* cluster.open
        yield* store.acquire(NOTHING_TOLD)
        yield* body({ ...cluster, store })
      })
    )

  /** As above, with a topic of one partition with id 1. */
  const log = (title: string, body: (store: Port, model: Model) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    scenario(title, ({ store }) =>
      Effect.gen(function* () {
        yield* store.commit([topicWith(TOPIC, "t", [1])])
        yield* body(store, new Model(1))
      })
    )

  const readOne = (store: Port, from: bigint, maxBytes: number, partitionId = 1) =>
    Effect.map(store.read([{ partitionId, from, maxBytes }], 50 * MEBIBYTE), ([batches]) => brief(batches!))

  const loadOne = (store: Port, partitionId = 1) =>
    Effect.map(store.loadPartitions([partitionId]), ([partition]) => partition!)

  return { scenario, log, readOne, loadOne }
}

export type Scenarios = ReturnType<typeof scenariosOf>
