import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { GroupStore, GroupToStore } from "@tusk/storage/groups/GroupStore"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

type Rows = Map<string, Map<number, string>>
type Changes = NonNullable<GroupToStore["sharePartitions"]>

/** What is stored of all share groups' partitions, read once and kept as texts: those that are not open need no more. */
export class SharePartitionRows {
  readonly #store: GroupStore["Service"]
  readonly #loading = Semaphore.makeUnsafe(1)
  /** Undefined: to be read. */
  #kept: Rows | undefined

  constructor(store: GroupStore["Service"]) {
    this.#store = store
  }

  /** By group, then by partition id. */
  readonly all: Effect.Effect<ReadonlyMap<string, ReadonlyMap<number, string>>, KafkaError> = this.#loading.withPermit(
    Effect.suspend(() => (this.#kept === undefined ? this.#load : Effect.succeed(this.#kept)))
  )

  get #load(): Effect.Effect<Rows, KafkaError> {
    return Effect.map(this.#store.load, (groups) => {
      const found: Rows = new Map()
      for (const { groupId, kind, sharePartitions } of groups) {
        if (kind !== "share") continue
        found.set(groupId, new Map(sharePartitions.map(({ partitionId, value }) => [partitionId, value])))
      }
      return (this.#kept ??= found)
    })
  }

  /** Returns once stored. Null: gone. */
  put(groupId: string, sharePartitions: Changes, timeoutMs = Infinity): Effect.Effect<void, KafkaError> {
    return Effect.map(this.#store.put({ groupId, kind: "share", value: null, sharePartitions }, timeoutMs), () =>
      this.#remember(groupId, sharePartitions)
    )
  }

  #remember(groupId: string, changes: Changes): void {
    if (this.#kept === undefined) return
    let partitions = this.#kept.get(groupId)
    if (partitions === undefined) this.#kept.set(groupId, (partitions = new Map()))
    for (const { partitionId, value } of changes) {
      if (value === null) partitions.delete(partitionId)
      else partitions.set(partitionId, value)
    }
  }

  /** What is stored is not known any more: all is read again. */
  lose(): void {
    this.#kept = undefined
  }

  /** The group is deleted. */
  forget(groupId: string): void {
    this.#kept?.delete(groupId)
  }
}
