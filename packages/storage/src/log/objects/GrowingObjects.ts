import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { GrowingObject, ObjectExists, ObjectStoreError } from "../../port/ObjectStore.ts"
import type { WriteOf } from "../../port/Write.ts"
import type { NamedObject } from "./naming.ts"
import type { PlacedObject } from "./PlacedObject.ts"

/** Sizes of objects that grow no more which the database is still to be told; of others it knows the limit. */
const MOST_UNTOLD = 64

/** Where chunks lie that were appended to an object that grows. */
export interface AppendedPlace extends PlacedObject {
  /** Of the first chunk. */
  readonly position: number
  /** What goes into a unit with a pointer to it, as of now. */
  readonly writes: () => ReadonlyArray<WriteOf<"PutObject">>
  /** They are stored. */
  readonly stored: (writes: ReadonlyArray<WriteOf<"PutObject">>) => void
}

/** A new object, which has no byte yet. */
export interface BegunObject extends NamedObject {
  readonly object: GrowingObject
}

export interface GrowingPorts {
  /** Begins an object of at most so many bytes, in a reign. */
  readonly begin: (bytes: number, reign: number) => Effect.Effect<BegunObject, ObjectExists | ObjectStoreError>
  /** Bytes from which on, and milliseconds for which, an object grows. */
  readonly bytes: number
  readonly forMs: number
}

interface Current extends BegunObject {
  bytes: number
  isAppending: boolean
  /** Whether the database has its row. */
  isKnown: boolean
}

/**
 * Appends to one object after the other. The row of one that grows has the most bytes that it may come to; a unit that points to
 * the next one brings the size that it came to. If none does, it is only taken for larger, and less of use, than it is.
 */
export class GrowingObjects {
  readonly #ports: GrowingPorts
  #current: Current | undefined
  #reign: number | undefined
  /** As their rows are to be. */
  #untold: ReadonlyArray<WriteOf<"PutObject">> = []

  constructor(ports: GrowingPorts) {
    this.#ports = ports
  }

  /** Whether batches may come to it yet. */
  isGrowing(objectId: bigint): boolean {
    const current = this.#current
    return current?.write.objectId === objectId && current.ageMs() < this.#ports.forMs
  }

  /** Appends chunks of so many bytes. One call at a time. After a failure the next one goes into another object. */
  readonly append = (
    chunks: ReadonlyArray<Uint8Array>,
    bytes: number,
    reign: number
  ): Effect.Effect<AppendedPlace, ObjectExists | ObjectStoreError> =>
    Effect.flatMap(this.#withRoom(bytes, reign), (current) => {
      const position = current.bytes
      current.isAppending = true
      return current.object.append(chunks).pipe(
        Effect.map(() => {
          current.bytes = position + bytes
          return this.#placed(current, position)
        }),
        Effect.onExit((exit) => {
          current.isAppending = false
          if (Exit.isFailure(exit)) return this.#giveUp(current)
          return this.#current === current ? Effect.void : this.#close(current)
        })
      )
    })

  /** Nothing is appended any more to the one that grows, but what is on its way. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    const current = this.#current
    this.#current = undefined
    return current === undefined || current.isAppending ? Effect.void : this.#close(current)
  })

  /** It may come to more than is known here, sooner or later: its row stays at the most. */
  #giveUp(failed: Current): Effect.Effect<void> {
    if (this.#current === failed) this.#current = undefined
    return failed.object.close
  }

  #close(closed: Current): Effect.Effect<void> {
    if (closed.bytes > 0) {
      const told = { ...closed.write, bytes: closed.bytes }
      this.#untold = [...this.#untold.slice(1 - MOST_UNTOLD), told]
    }
    return closed.object.close
  }

  #withRoom(bytes: number, reign: number): Effect.Effect<Current, ObjectExists | ObjectStoreError> {
    return Effect.suspend(() => {
      const current = this.#current
      const isOurs = this.#reign === reign
      if (
        isOurs &&
        current !== undefined &&
        this.isGrowing(current.write.objectId) &&
        current.bytes + bytes <= current.write.bytes
      ) {
        return Effect.succeed(current)
      }
      const begun = Effect.map(this.#ports.begin(Math.max(bytes, this.#ports.bytes), reign), (begun): Current => {
        return (this.#current = { ...begun, bytes: 0, isAppending: false, isKnown: false })
      })
      // Of those that were begun before a take-over nothing is told after it.
      const forgotten = Effect.sync(() => {
        if (!isOurs) this.#untold = []
        this.#reign = reign
      })
      return Effect.andThen(this.end, Effect.andThen(forgotten, begun))
    })
  }

  #placed(current: Current, position: number): AppendedPlace {
    const { refusal, write } = current
    return {
      write,
      position,
      refusal,
      // The same object may be in both: what it came to counts.
      writes: () => (current.isKnown ? this.#untold : [write, ...this.#untold]),
      stored: (writes) => {
        if (writes.includes(write)) current.isKnown = true
        this.#untold = this.#untold.filter((told) => !writes.includes(told))
      }
    }
  }
}
