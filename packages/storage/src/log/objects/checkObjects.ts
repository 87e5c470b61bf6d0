import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { ObjectRows, PointedBatch, UsedObject } from "../../port/ObjectRows.ts"
import type { ListedObject, ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { contradicts } from "./checkBatch.ts"
import { eachPair, Paged } from "./Merged.ts"
import type { Pair } from "./Merged.ts"
import { parseObjectName } from "./ObjectNames.ts"
import { prefixOf } from "./OwnerRecord.ts"

/** Rows of one look. */
const ROWS = 1000
/** Bytes of one read of an object; a larger batch comes alone. */
const READ_BYTES = 8 * 1024 * 1024

/**
 * What is wrong between rows and objects.
 *
 * | kind | what |
 * |---|---|
 * | missing | batches point to an object that is not in the store |
 * | unknown | batches point to an object that has no row: it would be taken for an orphan |
 * | short | a batch ends behind the end of its object |
 * | overlap | two batches lie in the same bytes |
 * | damaged | the bytes are not the batch |
 * | size | the object is not as long as its row says; where objects grow, it is longer: of one whose size was not told the row has the most that it comes to |
 * | gone | the row of an object that is not in the store, and is not noted as unused; no batch points to it |
 * | orphan | an object that no row knows, for longer than the collector leaves one |
 */
export interface ObjectTrouble {
  readonly kind: "missing" | "unknown" | "short" | "overlap" | "damaged" | "size" | "gone" | "orphan"
  readonly name: string | null
  readonly objectId: bigint | null
  readonly partitionId: number | null
  readonly offset: bigint | null
  readonly seen: string
}

export interface ObjectCheck {
  readonly clusterId: string
  readonly rows: ObjectRows
  readonly store: ObjectStore
  /** Whether the bytes of all batches are read. */
  readonly isDeep: boolean
  /** Names with a time before this one are no put that is under way; the collector's grace and a round lie behind. */
  readonly orphansBefore: number
  readonly found: (trouble: ObjectTrouble) => Effect.Effect<void>
}

export interface ObjectChecked {
  readonly objects: number
  readonly batches: number
  /** Of batches, in objects. */
  readonly bytes: number
  readonly troubles: number
}

type Failure = StoreError | ObjectStoreError

/** Looks at every object and every batch that points to one. A broker may go on meanwhile: what looks wrong is looked at twice. */
export const checkObjects = (check: ObjectCheck): Effect.Effect<ObjectChecked, Failure> =>
  Effect.suspend(() => new Checking(check).all)

class Checking {
  readonly #check: ObjectCheck
  #objects = 0
  #batches = 0
  #bytes = 0
  #troubles = 0

  constructor(check: ObjectCheck) {
    this.#check = check
  }

  get all(): Effect.Effect<ObjectChecked, Failure> {
    const { clusterId, rows, store } = this.#check
    const prefix = prefixOf(clusterId)
    return Effect.gen({ self: this }, function* () {
      const known = new Paged<UsedObject, Failure>((after) => rows.byName(after, ROWS))
      const stored = new Paged<ListedObject, Failure>((after) => store.list(prefix, after === "" ? undefined : after))
      yield* eachPair(known, stored, (pair) => this.#pair(pair))
      yield* this.#unknown
      return { objects: this.#objects, batches: this.#batches, bytes: this.#bytes, troubles: this.#troubles }
    })
  }

  #pair({ left: row, right: object }: Pair<UsedObject, ListedObject>): Effect.Effect<void, Failure> {
    if (row === undefined) return this.#withoutRow(object!)
    this.#objects++
    return object === undefined ? this.#withoutObject(row) : this.#both(row, object)
  }

  /** Batches that point to an object without a row. */
  get #unknown(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      let after = 0n
      while (true) {
        const page = yield* this.#check.rows.pointedIds(after, ROWS)
        for (const { isKnown, objectId } of page) {
          if (isKnown) continue
          const [first] = yield* this.#check.rows.batchesOf(objectId, undefined, 1)
          if (first === undefined) continue
          yield* this.#tell("unknown", { objectId, name: undefined }, "no row tells of this object", first)
        }
        if (page.length < ROWS) return
        after = page.at(-1)!.objectId
      }
    })
  }

  readonly #withoutRow = Effect.fnUntraced({ self: this }, function* ({ bytes, name }: ListedObject) {
    const { clusterId, orphansBefore, rows } = this.#check
    const parsed = parseObjectName(clusterId, name)
    if (parsed === undefined || parsed.timeMs >= orphansBefore) return
    if ((yield* rows.known([name])).has(name) || !(yield* this.#isThere(name))) return
    const since = DateTime.formatIso(DateTime.makeUnsafe(parsed.timeMs))
    yield* this.#tell("orphan", { objectId: undefined, name }, `${bytes} bytes that no row knows, since ${since}`)
  })

  readonly #withoutObject = Effect.fnUntraced({ self: this }, function* (row: UsedObject) {
    if (yield* this.#isThere(row.name)) return
    const [first] = yield* this.#check.rows.batchesOf(row.objectId, undefined, 1)
    if (first !== undefined) {
      return yield* this.#tell("missing", row, "batches point to an object that is not in the store", first)
    }
    // Of one that is noted as unused the row goes last.
    if (row.unusedSince !== null || !(yield* this.#check.rows.known([row.name])).has(row.name)) return
    yield* this.#tell("gone", row, "it is not in the store, and was not noted as unused")
  })

  readonly #both = Effect.fnUntraced({ self: this }, function* (row: UsedObject, listed: ListedObject) {
    let object = listed
    const isWrong = this.#check.store.grow === undefined ? object.bytes !== row.bytes : object.bytes > row.bytes
    if (isWrong) yield* this.#tell("size", row, `${object.bytes} bytes in the store, ${row.bytes} by its row`)
    let last: PointedBatch | undefined
    let part: Array<PointedBatch> = []
    let end = 0
    while (true) {
      const page: ReadonlyArray<PointedBatch> = yield* this.#check.rows.batchesOf(row.objectId, last, ROWS)
      for (const batch of page) {
        this.#batches++
        this.#bytes += batch.bytes
        // It may have grown since.
        if (batch.position + batch.bytes > object.bytes) object = (yield* this.#listed(row.name)) ?? object
        const isShort = batch.position + batch.bytes > object.bytes
        if (isShort) {
          yield* this.#tell("short", row, `it ends at ${batch.position + batch.bytes} of ${object.bytes} bytes`, batch)
        } else if (batch.position < end) {
          yield* this.#tell(
            "overlap",
            row,
            `it begins at ${batch.position}, before the end of another at ${end}`,
            batch
          )
        }
        end = Math.max(end, batch.position + batch.bytes)
        if (!this.#check.isDeep || isShort) continue
        if (part.length > 0 && batch.position + batch.bytes - part[0]!.position > READ_BYTES) {
          yield* this.#read(row, part)
          part = []
        }
        part.push(batch)
      }
      if (page.length < ROWS) break
      last = page.at(-1)
    }
    if (part.length > 0) yield* this.#read(row, part)
  })

  /** Bytes of batches that lie near each other, in order of their places. */
  readonly #read = Effect.fnUntraced({ self: this }, function* (row: UsedObject, batches: ReadonlyArray<PointedBatch>) {
    const from = batches[0]!.position
    const to = Math.max(...batches.map(({ bytes, position }) => position + bytes))
    const read = yield* this.#check.store.get(row.name, from, to).pipe(
      // It has gone since, or is shorter than it was listed: not for long enough to be in use.
      Effect.catchTag("ObjectMissing", () => Effect.succeed(undefined))
    )
    if (read === undefined) return yield* this.#withoutObject(row)
    for (const batch of batches) {
      const at = batch.position - from
      const wrong = contradicts(batch, read.subarray(at, at + batch.bytes))
      if (wrong !== undefined) yield* this.#tell("damaged", row, wrong, batch)
    }
  })

  #isThere(name: string): Effect.Effect<boolean, Failure> {
    return Effect.map(this.#listed(name), (object) => object !== undefined)
  }

  #listed(name: string): Effect.Effect<ListedObject | undefined, Failure> {
    return Effect.map(this.#check.store.list(name, undefined), ([first]) => (first?.name === name ? first : undefined))
  }

  #tell(
    kind: ObjectTrouble["kind"],
    { name, objectId }: { readonly name: string | undefined; readonly objectId: bigint | undefined },
    seen: string,
    batch?: PointedBatch
  ): Effect.Effect<void> {
    this.#troubles++
    return this.#check.found({
      kind,
      name: name ?? null,
      objectId: objectId ?? null,
      partitionId: batch?.partitionId ?? null,
      offset: batch?.baseOffset ?? null,
      seen
    })
  }
}
