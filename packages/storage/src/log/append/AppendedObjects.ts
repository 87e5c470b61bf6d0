import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../port/StoreError.ts"
import type { StoredAt, Write, WriteOf } from "../../port/Write.ts"
import type { ObjectWriter, PlacedBatches } from "../objects/ObjectWriter.ts"
import type { AppendRequest } from "./AppendRequest.ts"

/**
 * Those batches of a unit whose bytes go into an object before they have their offsets. That this fails is told of each of
 * them: what goes into rows is stored all the same.
 */
export class AppendedObjects {
  readonly #put: Effect.Effect<void>
  /** Of each batch of the unit, its place among those that go into the object; -1 for a row. */
  readonly #places: ReadonlyArray<number>
  #placed: PlacedBatches | undefined
  #failure: StoreError | undefined
  #isPointedTo = false
  /** What the unit tells of objects. */
  #told: ReadonlyArray<WriteOf<"PutObject">> = []

  constructor(writer: ObjectWriter, requests: ReadonlyArray<AppendRequest>, batches: ReadonlyArray<Uint8Array>) {
    const chosen: Array<Uint8Array> = []
    this.#places = requests.map(({ object, stampTime }, i) => {
      if (object !== true) return -1
      const batch = batches[i]!
      // The time itself is what the row says: it is given in the commit's turn.
      if (stampTime) RecordBatch.announceLogAppendTime(batch)
      return chosen.push(batch) - 1
    })
    this.#put = Effect.match(writer.put(chosen), {
      onFailure: (error) => {
        this.#failure = error
      },
      onSuccess: (placed) => {
        this.#placed = placed
      }
    })
  }

  /** What has to be done before the unit is decided, beside what else has. */
  beside(needs: Effect.Effect<void, StoreError> | undefined): Effect.Effect<void, StoreError> {
    return needs === undefined ? this.#put : Effect.all([needs, this.#put], { concurrency: "unbounded", discard: true })
  }

  /** The unit is decided now. */
  ask(): void {
    this.#isPointedTo = false
    this.#failure ??= this.#placed?.placed.refusal()
  }

  /** Where the bytes of a batch of the unit lie, or why they do not; undefined: they go into its row. */
  placeOf(i: number): StoredAt | StoreError | undefined {
    const place = this.#places[i]!
    if (place < 0) return undefined
    if (this.#failure !== undefined) return this.#failure
    const { placed, positions } = this.#placed!
    return { objectId: placed.write.objectId, position: positions[place]! }
  }

  /** A batch points to the object. */
  pointed(): void {
    this.#isPointedTo = true
  }

  /** Adds the object, if a batch points to it. */
  tell(writes: Array<Write>): void {
    this.#told = this.#isPointedTo ? this.#placed!.writes() : []
    for (const write of this.#told) writes.push(write)
  }

  /** The unit is stored. */
  stored(): void {
    if (this.#told.length > 0) this.#placed!.stored(this.#told)
  }
}
