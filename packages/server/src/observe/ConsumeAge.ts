import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Log } from "@tusk/storage/log/Log"
import type { Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"

/** So many batches that memory does not hold are looked up for one page; what is not, is told by the next one. */
const MOST_LOOKS = 50

/** The oldest batch that a group has not consumed to its end, by the offset that it has come to. */
interface Known {
  readonly offset: bigint
  readonly timestamp: bigint
}

/**
 * How old the records are that groups have not consumed. Of each partition of a group the batch at the committed offset is
 * looked up, in memory or by its sizes in the store, and its newest timestamp is remembered until the group goes on.
 */
export class ConsumeAge {
  readonly #log: Pick<Log["Service"], "readNow">
  readonly #store: Pick<Store["Service"], "sizes">
  #known = new Map<string, Known>()
  #next = new Map<string, Known>()
  #looks = 0

  constructor(log: Pick<Log["Service"], "readNow">, store: Pick<Store["Service"], "sizes">) {
    this.#log = log
    this.#store = store
  }

  /** A page begins: what was not asked for since the last one is forgotten. */
  begin(): void {
    this.#known = this.#next
    this.#next = new Map()
    this.#looks = 0
  }

  /** The timestamp in milliseconds; undefined if it is not known, or would have to be looked up once too often. */
  of(groupId: string, partitionId: number, offset: bigint): Effect.Effect<bigint | undefined> {
    return Effect.suspend(() => {
      const key = `${partitionId}/${groupId}`
      const known = this.#known.get(key)
      const there = known?.offset === offset ? known.timestamp : this.#inMemory(partitionId, offset)
      if (there !== undefined) return Effect.succeed(this.#keep(key, offset, there))
      if (this.#looks++ >= MOST_LOOKS) return Effect.succeed(undefined)
      return this.#store.sizes(partitionId, offset, 1).pipe(
        Effect.map(([batch]) => (batch === undefined ? undefined : this.#keep(key, offset, batch.maxTimestamp))),
        Effect.orElseSucceed(() => undefined)
      )
    })
  }

  #keep(key: string, offset: bigint, timestamp: bigint): bigint {
    this.#next.set(key, { offset, timestamp })
    return timestamp
  }

  #inMemory(partitionId: number, offset: bigint): bigint | undefined {
    const request = { partitionId, from: offset, maxBytes: 1 }
    const [read] = this.#log.readNow([request], { bound: "HighWatermark", maxBytes: 1, atLeastOne: true }) ?? []
    if (read === undefined || isKafkaError(read)) return undefined
    const batch = read.batches[0]
    return batch === undefined ? undefined : RecordBatch.maxTimestamp(batch)
  }
}
