import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Fenced } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { ObjectOptions } from "./ObjectOptions.ts"
import type { WriteOf } from "../../port/Write.ts"
import { Objects } from "./Objects.ts"
import type { PlacedObject } from "./PlacedObject.ts"

/** How long a batch waits for others if no setting says so: about what a put takes. */
const LINGER_MS = 250
const LOCAL_LINGER_MS = 5

/** Where batches lie now. */
export interface PlacedBatches {
  readonly placed: PlacedObject
  /** What goes into a unit with a pointer to them, as of now. */
  readonly writes: () => ReadonlyArray<WriteOf<"PutObject">>
  /** Those are stored. */
  readonly stored: (writes: ReadonlyArray<WriteOf<"PutObject">>) => void
  /** Of each batch, in their order: its first byte in the object. */
  readonly positions: ReadonlyArray<number>
}

/** Batches of one unit that wait for an object. */
interface Waiting {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
  readonly reign: number | undefined
  readonly sinceMs: number
  readonly resume: (placed: Effect.Effect<PlacedBatches, StoreError>) => void
}

/** Where the first byte of chunks lies, and what the database is told of it. */
type PlacedChunks = Omit<PlacedBatches, "positions"> & { readonly position: number }

interface Ports {
  readonly objects: Objects
  readonly options: ObjectOptions
  readonly active: Pick<Active["Service"], "nowMs" | "reign">
  readonly fork: (effect: Effect.Effect<void>) => void
}

/**
 * Gathers what is to be appended, over all partitions, into few objects. An object is put when there is enough for one, or
 * when the first batch has waited for long enough; into a local store also when no other is on its way. Several are put side
 * by side: whose batches are stored first is for the Committer's queue. Where objects grow it is an append, one after the other.
 */
class Gathering {
  readonly #ports: Ports
  readonly #lingerMs: number
  readonly #uploads: number
  readonly #putChunks: (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<PlacedChunks, StoreError>
  #waiting: Array<Waiting> = []
  #bytes = 0
  #underWay = 0
  /** Of those under way: they take what waits in a moment. */
  #starting = 0
  #isTimed = false

  constructor(ports: Ports) {
    this.#ports = ports
    const { lingerMs, uploads } = ports.options
    const { append, put } = ports.objects
    this.#uploads = append === undefined ? uploads : 1
    this.#putChunks = append === undefined ? wholeBy(put) : grownBy(append)
    this.#lingerMs = lingerMs >= 0 ? lingerMs : ports.objects.isLocal ? LOCAL_LINGER_MS : LINGER_MS
  }

  readonly put = (batches: ReadonlyArray<Uint8Array>): Effect.Effect<PlacedBatches, StoreError> =>
    Effect.callback<PlacedBatches, StoreError>((resume) => {
      const { nowMs, reign } = this.#ports.active
      let bytes = 0
      for (const { byteLength } of batches) bytes += byteLength
      this.#refuseOthers()
      this.#waiting.push({ batches, bytes, reign: reign(), sinceMs: nowMs(), resume })
      this.#bytes += bytes
      this.#look()
    })

  #look(): void {
    const { fork } = this.#ports
    while (this.#underWay < this.#uploads && this.#isDue()) {
      this.#underWay++
      this.#starting++
      fork(this.#putNext)
    }
    if (this.#waiting.length === 0 || this.#isTimed || this.#starting > 0 || this.#underWay >= this.#uploads) return
    this.#isTimed = true
    fork(this.#lookLater)
  }

  #isDue(): boolean {
    const { active, objects, options } = this.#ports
    if (this.#waiting.length === 0) return false
    if (this.#bytes >= (this.#starting + 1) * options.maxBytes) return true
    if (this.#starting > 0) return false
    if (objects.isLocal && this.#underWay === 0) return true
    return active.nowMs() - this.#waiting[0]!.sinceMs >= this.#lingerMs
  }

  readonly #lookLater: Effect.Effect<void> = Effect.suspend(() => {
    const waitedMs = this.#ports.active.nowMs() - this.#waiting[0]!.sinceMs
    return Effect.andThen(
      Effect.sleep(Math.max(1, this.#lingerMs - waitedMs)),
      Effect.sync(() => {
        this.#isTimed = false
        this.#look()
      })
    )
  })

  /** One object, of what waits once all that comes in this turn has come. */
  readonly #putNext: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    yield* Effect.yieldNow
    const taken = this.#take()
    this.#starting--
    this.#look()
    if (taken.length > 0) yield* this.#putAll(taken)
    this.#underWay--
    this.#look()
  })

  #putAll(taken: ReadonlyArray<Waiting>): Effect.Effect<void> {
    const chunks = taken.flatMap(({ batches }) => batches)
    return Effect.matchCause(this.#putChunks(chunks), {
      onFailure: (cause) => {
        for (const { resume } of taken) resume(Effect.failCause(cause))
      },
      onSuccess: ({ position: begin, ...placed }) => {
        let position = begin
        for (const { batches, resume } of taken) {
          const positions = batches.map(({ byteLength }) => {
            position += byteLength
            return position - byteLength
          })
          resume(Effect.succeed({ ...placed, positions }))
        }
      }
    })
  }

  /** What waits since another reign is not stored any more: it is not kept while a store hangs. */
  #refuseOthers(): void {
    const reign = this.#ports.active.reign()
    const isOther = (waiting: Waiting) => reign === undefined || waiting.reign !== reign
    // In order of reigns.
    if (this.#waiting.length === 0 || !isOther(this.#waiting[0]!)) return
    const others = this.#waiting.filter(isOther)
    this.#waiting = this.#waiting.filter((waiting) => !isOther(waiting))
    for (const { bytes, resume } of others) {
      this.#bytes -= bytes
      resume(Effect.fail(new Fenced({ message: "the cluster was taken over before the batch was put" })))
    }
  }

  /** What goes into the next object: at least what one unit has. */
  #take(): ReadonlyArray<Waiting> {
    const { options } = this.#ports
    const taken: Array<Waiting> = []
    let bytes = 0
    let next = 0
    this.#refuseOthers()
    for (; next < this.#waiting.length; next++) {
      const waiting = this.#waiting[next]!
      if (taken.length > 0 && bytes + waiting.bytes > options.maxBytes) break
      taken.push(waiting)
      bytes += waiting.bytes
    }
    this.#waiting = this.#waiting.slice(next)
    this.#bytes -= bytes
    return taken
  }
}

const nothing = (): void => {}

/** Each an object of its own. */
const wholeBy =
  (put: Objects["put"]) =>
  (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<PlacedChunks, StoreError> =>
    Effect.map(put(chunks), (placed) => ({ placed, position: 0, writes: () => [placed.write], stored: nothing }))

const grownBy =
  (append: NonNullable<Objects["append"]>) =>
  (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<PlacedChunks, StoreError> =>
    Effect.map(append(chunks), (placed) => ({ placed, ...placed }))

/** Gives batches of object topics their places in objects. */
export interface ObjectWriter {
  /**
   * Puts batches of one unit into an object, with those of others. They are not changed meanwhile. Fails as `Objects.put` does,
   * and with `Fenced` if the cluster was taken over.
   */
  readonly put: (batches: ReadonlyArray<Uint8Array>) => Effect.Effect<PlacedBatches, StoreError>
}

/** By default there is no object store, and every put fails. */
export const ObjectWriter = Context.Reference<ObjectWriter>("@tusk/storage/log/objects/ObjectWriter", {
  defaultValue: () => ({
    put: () => Effect.map(wholeBy(Objects.defaultValue().put)([]), (placed) => ({ ...placed, positions: [] }))
  })
})

/** By `Objects`. */
export const objectWriterLayer: Layer.Layer<never, never, Active> = Layer.effect(
  ObjectWriter,
  Effect.gen(function* () {
    const objects = yield* Objects
    const options = yield* ObjectOptions
    const active = yield* Active
    const scope = yield* Effect.scope
    const forkWith = Effect.runForkWith(yield* Effect.context<never>())
    const fork = (effect: Effect.Effect<void>) => {
      forkWith(Effect.forkIn(effect, scope, { startImmediately: true }))
    }
    return new Gathering({ objects, options, active, fork })
  })
)
