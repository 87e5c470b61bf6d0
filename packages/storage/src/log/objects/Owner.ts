import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Semaphore from "effect/Semaphore"
import { Active } from "../../commit/Active.ts"
import type { ClusterState } from "../../port/CommitStore.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import type { ObjectStoreError } from "../../port/ObjectStore.ts"
import { Store } from "../../port/Store.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"
import { makeSignal } from "../../Signal.ts"
import { decodeOwner, encodeOwner, ownerName } from "./OwnerRecord.ts"
import { afterEvent, recordOf } from "./OwnerState.ts"
import type { OwnerAction, OwnerClaim, OwnerEvent, OwnerState } from "./OwnerState.ts"

/** Between two looks while the objects are not this database's, or that is not known: `tusk object adopt` is heard of by the next. */
const LOOK_MS = 3000
/** Between two looks of the writer while they are: another database that adopts them begins to remove what this one puts. */
const OWNED_LOOK_MS = 60_000
/** How long a read or a write waits for the first look of a reign. */
const WAIT_MS = 5000
/** Steps of one look: others may write the owner object at the same time, but not for ever. */
const MOST_STEPS = 8

/** What a look finds out beside the owner object: whether the database knows any objects. */
type Knows = Effect.Effect<boolean, StoreError>

/**
 * Whether the objects of the store are this database's: a restored or cloned one reads, writes and removes nothing before
 * `tusk object adopt`. Stands below the `Store`, which reads objects; `Owner.claims` tells it of take-overs.
 */
export class Owner extends Context.Service<
  Owner,
  {
    readonly state: () => OwnerState
    /** Fails while the objects may not be read; waits for a look that is under way. */
    readonly mayRead: Effect.Effect<void, StoreUnavailable>
    /** The same of objects that are to be put. */
    readonly mayWrite: Effect.Effect<void, StoreUnavailable>
    /**
     * Whether objects may be removed: asks the store now, by writing the owner object in the place of what this reign knows. Holds
     * for the moment: what is removed by it is removed soon.
     */
    readonly mayRemove: Effect.Effect<boolean, ObjectStoreError>
    /**
     * The lock is taken: what held before does not hold any more. Waits for nothing. While there is no reign (`isReigning`), the
     * objects are the next writer's to own, and nobody is told that they are not this broker's.
     */
    readonly claim: (cluster: ClusterState, knows: Knows, isReigning?: () => boolean) => Effect.Effect<void>
  }
>()("@tusk/storage/log/objects/Owner") {
  /** Needs the object store only. Without one nothing may be read. */
  static readonly layer = Layer.effect(
    Owner,
    Effect.gen(function* () {
      const store = yield* ObjectStore
      if (store === undefined) return withoutStore
      const owning = new Owning(store, yield* word)
      yield* Effect.forkScoped(owning.work)
      return Owner.of({
        state: () => owning.state,
        mayRead: owning.may,
        mayWrite: owning.may,
        mayRemove: owning.mayRemove,
        claim: (...of) => Effect.sync(() => owning.claim(...of))
      })
    })
  )

  /** Each reign claims the objects. */
  static readonly claims = Layer.effectDiscard(
    Effect.gen(function* () {
      const owner = yield* Owner
      const active = yield* Active
      const { objects } = yield* Store
      const knows: Knows =
        objects === undefined ? Effect.succeed(false) : Effect.map(objects.byName("", 1), ({ length }) => length > 0)
      const isReigning = () => active.reign() !== undefined
      active.onTakeOver((cluster) => owner.claim(cluster, knows, isReigning))
      yield* owner.claim(active.cluster, knows, isReigning)
    })
  )
}

const none = Effect.fail(new StoreUnavailable({ message: "this broker has no object store", ofObject: true }))

const withoutStore = Owner.of({
  state: () => ({ _tag: "Idle" }),
  mayRead: none,
  mayWrite: none,
  mayRemove: Effect.succeed(false),
  claim: () => Effect.void
})

const LETTERS = "abcdefghijklmnopqrstuvwxyz"

/** Of this process: 12 random letters. */
const word = Effect.gen(function* () {
  let letters = ""
  while (letters.length < 12) letters += LETTERS[yield* Random.nextIntBetween(0, LETTERS.length - 1)]
  return letters
})

class Owning {
  state: OwnerState = { _tag: "Idle" }
  readonly #store: ObjectStore
  readonly #writer: string
  readonly #one = Semaphore.makeUnsafe(1)
  readonly #changed = makeSignal()
  readonly #trouble = new Recurring("objects")
  #knows: Knows = Effect.succeed(false)
  #isReigning = (): boolean => true

  constructor(store: ObjectStore, writer: string) {
    this.#store = store
    this.#writer = writer
  }

  claim({ clusterId, epoch, server }: ClusterState, knows: Knows, isReigning = () => true): void {
    this.#knows = knows
    this.#isReigning = isReigning
    this.#became({ _tag: "Claimed", claim: { clusterId, epoch, server, writer: this.#writer } })
  }

  get may(): Effect.Effect<void, StoreUnavailable> {
    return Effect.suspend(() => (this.state._tag === "Owned" ? Effect.void : this.#later))
  }

  /** Looks whenever the objects are not known to be this database's, and now and then while they are, without end. */
  get work(): Effect.Effect<never> {
    const isOpen = () => this.state._tag === "Looking" || this.state._tag === "Refused"
    const round = Effect.gen({ self: this }, function* () {
      yield* Effect.raceFirst(this.#changed.until(isOpen), Effect.sleep(OWNED_LOOK_MS))
      if (!isOpen() && !(this.#isOwned && this.#isReigning())) return
      const { claim } = this.state as Extract<OwnerState, { readonly claim: OwnerClaim }>
      yield* this.#one.withPermits(1)(Effect.suspend(() => this.#steps({ _tag: "Look" })))
      yield* this.#tell
      if (isOpen())
        yield* Effect.raceFirst(
          Effect.sleep(LOOK_MS),
          this.#changed.until(() => !this.#isOf(claim))
        )
    })
    return Effect.forever(
      Effect.catchDefect(round, (defect) => Effect.logError("defect in the owner of objects", defect))
    )
  }

  get mayRemove(): Effect.Effect<boolean, ObjectStoreError> {
    const confirm = Effect.gen({ self: this }, function* () {
      if (this.state._tag !== "Owned") return false
      const { claim, tag } = this.state
      const record = recordOf(claim, yield* Clock.currentTimeMillis)
      const isStill = yield* this.#store.replaceTagged(ownerName(claim.clusterId), tag, encodeOwner(record))
      yield* this.#steps({ _tag: "Look" })
      return isStill && this.#isOf(claim) && this.#isOwned
    })
    return this.#one.withPermits(1)(Effect.suspend(() => confirm))
  }

  get #isOwned(): boolean {
    return this.state._tag === "Owned"
  }

  #isOf(claim: OwnerClaim): boolean {
    return this.state._tag !== "Idle" && this.state.claim === claim
  }

  get #later(): Effect.Effect<void, StoreUnavailable> {
    const isTold = () => this.state._tag === "Owned" || this.state._tag === "Refused"
    return Effect.andThen(
      Effect.timeoutOption(this.#changed.until(isTold), WAIT_MS),
      Effect.suspend(() => (this.#isOwned ? Effect.void : new StoreUnavailable({ message: this.#why, ofObject: true })))
    )
  }

  get #why(): string {
    switch (this.state._tag) {
      case "Refused":
        return this.state.why
      case "Looking":
        return `whose the objects are is not known yet: ${this.state.why ?? "the object store was not heard of"}`
      default:
        return "no reign has claimed the objects yet"
    }
  }

  #became(event: OwnerEvent): OwnerAction {
    const [state, action] = afterEvent(this.state, event)
    this.state = state
    this.#changed.notify()
    return action
  }

  /** Asks and writes until the machine rests. What is heard for a claim that holds no more is passed over. */
  #steps(first: OwnerAction): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      let action = first
      for (let left = MOST_STEPS; action._tag !== "Rest" && left > 0; left--) {
        if (this.state._tag === "Idle") return
        const { claim } = this.state
        const event = yield* this.#carryOut(action, claim)
        if (!this.#isOf(claim)) return
        action = this.#became(event)
      }
    })
  }

  #carryOut(action: OwnerAction, claim: OwnerClaim): Effect.Effect<OwnerEvent> {
    const name = ownerName(claim.clusterId)
    const asked = Effect.gen({ self: this }, function* () {
      if (action._tag === "Write") {
        const record = recordOf(claim, yield* Clock.currentTimeMillis)
        yield* this.#store.replaceTagged(name, action.tag, encodeOwner(record))
        return { _tag: "Written" } satisfies OwnerEvent
      }
      const found = yield* this.#store.readTagged(name)
      if (found === undefined) {
        const knows = this.#knows
        return { _tag: "NoOwner", knowsObjects: yield* knows } satisfies OwnerEvent
      }
      return { _tag: "Read", record: decodeOwner(found.value), tag: found.tag } satisfies OwnerEvent
    })
    return Effect.catch(asked, ({ message }) => Effect.succeed<OwnerEvent>({ _tag: "Failed", why: message }))
  }

  get #tell(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#isOwned) return this.#trouble.over("the objects of the store are this database's")
      return !this.#isReigning()
        ? Effect.void
        : this.#trouble.seen(`objects are neither read nor written: ${this.#why}`)
    })
  }
}
