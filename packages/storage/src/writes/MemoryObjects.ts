import type { StoredObject } from "../port/Write.ts"

/** An object that is known, and what is known of it. */
export interface MemoryObject extends StoredObject {
  /** A batch lay in it of which records were erased. */
  readonly erased: boolean
  /** Since when no batch points to it, in milliseconds; null: one may. */
  readonly unusedSince: bigint | null
}

/** Objects of a cluster by their ids, and how many batches point to each. */
export class MemoryObjects {
  readonly #objects = new Map<bigint, MemoryObject>()
  readonly #batches = new Map<bigint, number>()
  /** Greater than every id there is. */
  nextObjectId = 1n

  get(objectId: bigint): MemoryObject | undefined {
    return this.#objects.get(objectId)
  }

  /** In order of ids. */
  get all(): ReadonlyArray<MemoryObject> {
    return Array.from(this.#objects.values()).sort((a, b) => (a.objectId < b.objectId ? -1 : 1))
  }

  /** How many batches point to it. */
  batches(objectId: bigint): number {
    return this.#batches.get(objectId) ?? 0
  }

  put(object: StoredObject): void {
    const there = this.#objects.get(object.objectId)
    if (there !== undefined) {
      this.#objects.set(object.objectId, { ...there, bytes: Math.min(there.bytes, object.bytes), unusedSince: null })
      return
    }
    this.#objects.set(object.objectId, { ...object, erased: false, unusedSince: null })
    if (object.objectId >= this.nextObjectId) this.nextObjectId = object.objectId + 1n
  }

  erased(objectId: bigint): void {
    const object = this.#objects.get(objectId)
    if (object !== undefined) this.#objects.set(objectId, { ...object, erased: true })
  }

  merged(objectId: bigint): void {
    const object = this.#objects.get(objectId)
    if (object === undefined || this.batches(objectId) > 0) return
    this.#objects.set(objectId, { ...object, merged: true, erased: false })
  }

  unused(objectId: bigint, unusedSince: bigint): void {
    const object = this.#objects.get(objectId)
    if (object?.unusedSince === null && this.batches(objectId) === 0) {
      this.#objects.set(objectId, { ...object, unusedSince })
    }
  }

  drop(objectId: bigint): void {
    this.#objects.delete(objectId)
  }

  /** One batch more points to it, or one less. */
  count(objectId: bigint, change: 1 | -1): void {
    const batches = this.batches(objectId) + change
    if (batches === 0) this.#batches.delete(objectId)
    else this.#batches.set(objectId, batches)
  }

  copyTo(copy: MemoryObjects): void {
    for (const [objectId, object] of this.#objects) copy.#objects.set(objectId, object)
    for (const [objectId, batches] of this.#batches) copy.#batches.set(objectId, batches)
    copy.nextObjectId = this.nextObjectId
  }
}
