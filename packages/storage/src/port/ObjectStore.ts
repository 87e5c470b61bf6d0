import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** An object of this name is there already. */
export class ObjectExists extends Data.TaggedError("ObjectExists")<{ readonly name: string }> {
  override get message(): string {
    return `object ${this.name} is there already`
  }
}

/** There is no object of this name. */
export class ObjectMissing extends Data.TaggedError("ObjectMissing")<{ readonly name: string }> {
  override get message(): string {
    return `object ${this.name} is not there`
  }
}

/**
 * The object store cannot do it now, or could not be asked. `sent`: it may have happened, or may yet; else it has not and
 * never will.
 */
export class ObjectStoreUnavailable extends Data.TaggedError("ObjectStoreUnavailable")<{
  readonly message: string
  readonly sent: boolean
  readonly cause?: unknown
}> {}

/** The object store refuses it, however often it is asked: no right, no such bucket, a name that it cannot take. */
export class ObjectStoreRefused extends Data.TaggedError("ObjectStoreRefused")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** What an object store may answer, beside what a call's own answer is. */
export type ObjectStoreError = ObjectStoreUnavailable | ObjectStoreRefused

/** An object, as a list tells it. */
export interface ListedObject {
  readonly name: string
  readonly bytes: number
}

/** A small object that is changed in place, and the tag of the state that was read. */
export interface TaggedObject {
  readonly value: Uint8Array
  readonly tag: string
}

/** An object that grows at its end: what it has can be read at any time. */
export interface GrowingObject {
  /**
   * Appends the chunks, one behind the other, which are durable when it returns, and are not changed until then. One call at a
   * time, none after one that failed: what lies behind the end then is anybody's guess.
   */
  readonly append: (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<void, ObjectStoreError>
  /** Nothing is appended any more. */
  readonly close: Effect.Effect<void>
}

/**
 * THE PORT of stores of objects: immutable bytes by name. Names are made of letters, digits, `-`, `_`, `.` and `/`, at most
 * 512 characters. `objectStoreSuite` states what each member has to do. Each call ends within limits of the store's own;
 * none tries again by itself.
 */
export interface ObjectStore {
  /** Name for people, without secrets: `file:///var/lib/tusk`, `s3://bucket/prefix`. */
  readonly name: string
  /** Whether a put takes about as long as a flush of a disk of this machine. */
  readonly isLocal: boolean
  /** What stops it from being used, if anything does: asked once at start. A store that ignores conditions of a put is refused. */
  readonly probe: Effect.Effect<void, ObjectStoreError>
  /**
   * Stores an object under a name that no object has (`If-None-Match: *`); durable, and as a whole, when it returns. The chunks
   * are not changed while it runs, nor after it failed with `sent`.
   */
  readonly put: (
    name: string,
    chunks: ReadonlyArray<Uint8Array>
  ) => Effect.Effect<void, ObjectExists | ObjectStoreError>
  /**
   * An object without a byte under a name that no object has, for appends of whoever began it, and closes it. Undefined: objects
   * of this store do not grow.
   */
  readonly grow: ((name: string) => Effect.Effect<GrowingObject, ObjectExists | ObjectStoreError>) | undefined
  /** Bytes `from` up to `to` (exclusive), all of them. The answer is the caller's own. */
  readonly get: (name: string, from: number, to: number) => Effect.Effect<Uint8Array, ObjectMissing | ObjectStoreError>
  /** Objects whose names begin with `prefix` and come after `after` in order of bytes, in that order; at most 1,000. */
  readonly list: (
    prefix: string,
    after: string | undefined
  ) => Effect.Effect<ReadonlyArray<ListedObject>, ObjectStoreError>
  /** Takes an object away; one that is not there is no failure. */
  readonly remove: (name: string) => Effect.Effect<void, ObjectStoreError>
  /** A small object as a whole, with the tag of its state; undefined: it is not there. */
  readonly readTagged: (name: string) => Effect.Effect<TaggedObject | undefined, ObjectStoreError>
  /** Puts a small object in the place of the state with this tag (`If-Match`), or of none. False: another state is there. */
  readonly replaceTagged: (
    name: string,
    tag: string | undefined,
    value: Uint8Array
  ) => Effect.Effect<boolean, ObjectStoreError>
}

/** Where batches of object topics lie; undefined: this broker has no object store. */
export const ObjectStore = Context.Reference<ObjectStore | undefined>("@tusk/storage/port/ObjectStore", {
  defaultValue: () => undefined
})
