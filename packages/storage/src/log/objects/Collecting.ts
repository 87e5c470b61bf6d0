import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Active } from "../../commit/Active.ts"
import type { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import type { ObjectRow, ObjectRows, UsedObject } from "../../port/ObjectRows.ts"
import type { ListedObject, ObjectStore, ObjectStoreError, ObjectStoreRefused } from "../../port/ObjectStore.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Write } from "../../port/Write.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import { OwnAges, WallTimes } from "./Ages.ts"
import type { Times } from "./Ages.ts"
import type { CollectorOptions } from "./CollectorOptions.ts"
import { parseObjectName } from "./ObjectNames.ts"
import type { Owner } from "./Owner.ts"
import { prefixOf } from "./OwnerRecord.ts"

/** Writes nothing, and waits for its commit all the same. */
const BEHIND: Participant<void> = {
  bytes: 0,
  assemble: () => "Stored",
  retract: () => {},
  settle: () => {},
  answer: () => {}
}

/** What it collects with. */
export interface CollectingPorts {
  readonly active: Pick<Active["Service"], "clusterId" | "nowMs" | "proven" | "reign">
  readonly committer: Pick<Committer["Service"], "submit">
  readonly rows: ObjectRows
  readonly store: ObjectStore
  readonly owner: Pick<Owner["Service"], "mayRemove">
  readonly counts: StorageCounts
  readonly options: CollectorOptions
  /** Of the names of this process' own objects. */
  readonly incarnation: string | undefined
}

/** What ends a round before its end. `Ended`: another reign has begun, or the objects are not this database's. */
export type CollectFailure = KafkaError | StoreError | ObjectStoreError | "Ended"

type Round<A = void> = Effect.Effect<A, CollectFailure>

/** What has gone of a step, and why the rest has not. */
interface Removed<A> {
  readonly removed: ReadonlyArray<A>
  readonly refusal: ObjectStoreRefused | undefined
}

/** One reign's round. */
interface Look {
  readonly reign: number
  readonly times: Times
}

/** The steps of a round. What is remembered from one to the next is how old this process' own objects are. */
export class Collecting {
  readonly #ports: CollectingPorts
  readonly #times = new WallTimes()
  readonly #own: OwnAges

  constructor(ports: CollectingPorts) {
    this.#ports = ports
    this.#own = new OwnAges(ports.options.settledMs)
  }

  /** What time it is, in the reign that is in force. */
  readonly begin: Round<Look> = Effect.gen({ self: this }, function* () {
    const { active, rows } = this.#ports
    const reign = active.reign()
    if (reign === undefined) return yield* Effect.fail("Ended" as const)
    const serverMs = yield* rows.nowMs
    return { reign, times: this.#times.at(yield* Clock.currentTimeMillis, active.nowMs(), serverMs) }
  })

  /** Notes which objects no batch points to any more. */
  readonly mark = Effect.fnUntraced({ self: this }, function* (look: Look) {
    const { counts, options, rows } = this.#ports
    let after = 0n
    while (true) {
      yield* this.#still(look)
      const page = yield* rows.inUse(after, options.rowsPerStep)
      const objectIds = page.filter((object) => this.#isLeft(object, look)).map(({ objectId }) => objectId)
      if (objectIds.length > 0) {
        yield* this.#behindAll()
        const unusedSince = BigInt(look.times.latest)
        yield* this.#commit(look, [Write.PutUnusedObjects({ objectIds, unusedSince })])
        counts.objectsUnused += objectIds.length
      }
      if (page.length < options.rowsPerStep) return
      after = page.at(-1)!.objectId
    }
  })

  /** Takes away what no batch has pointed to for long enough. */
  readonly remove = Effect.fnUntraced({ self: this }, function* (look: Look) {
    const { counts, options, rows } = this.#ports
    const before = BigInt(look.times.earliest - options.deleteDelayMs)
    while (true) {
      yield* this.#still(look)
      const page = yield* rows.unused(before, options.removedPerStep)
      if (page.length === 0) return
      const { refusal, removed } = yield* this.#removeAll(look, page)
      const drops = removed.map(({ objectId }) => Write.DropObject({ objectId }))
      if (drops.length > 0) yield* this.#commit(look, drops)
      counts.objectsRemoved += drops.length
      if (refusal !== undefined) return yield* refusal
      if (page.length < options.removedPerStep) return
    }
  })

  /** Takes away what lies in the store for a day, and no row knows: a put whose unit failed, or that came late. */
  readonly sweep = Effect.fnUntraced({ self: this }, function* (look: Look) {
    const { active, counts, rows, store } = this.#ports
    const prefix = prefixOf(active.clusterId)
    let after: string | undefined
    while (true) {
      yield* this.#still(look)
      const page = yield* store.list(prefix, after)
      if (page.length === 0) return
      after = page.at(-1)!.name
      const old = page.filter((object) => this.#isOld(object, look))
      if (old.length === 0) continue
      yield* this.#behindAll()
      const known = yield* rows.known(old.map(({ name }) => name))
      const orphans = old.filter(({ name }) => !known.has(name))
      for (let at = 0; at < orphans.length; at += this.#ports.options.removedPerStep) {
        const step = orphans.slice(at, at + this.#ports.options.removedPerStep)
        const { refusal, removed } = yield* this.#removeAll(look, step)
        counts.objectOrphansRemoved += removed.length
        if (refusal !== undefined) return yield* refusal
      }
    }
  })

  /** No unit that would point to it can come any more, and no batch does. */
  #isLeft(object: UsedObject, { times }: Look): boolean {
    const isSettled = this.#isSettled(object)
    return !object.isUsed && isSettled && Number(object.createdAt) < times.earliest - this.#ports.options.settledMs
  }

  #isOld(object: ListedObject, { times }: Look): boolean {
    const parsed = parseObjectName(this.#ports.active.clusterId, object.name)
    // What has another name is not a broker's.
    return (
      parsed !== undefined && this.#isSettled(object) && parsed.timeMs < times.earliest - this.#ports.options.orphanMs
    )
  }

  /**
   * Another process' objects are: it does not hold the lock any more. Of this one's own it goes by the monotonic clock, as units
   * do, whatever the wall clock says.
   */
  #isSettled({ name }: Pick<ObjectRow, "name">): boolean {
    const { active, incarnation } = this.#ports
    const parsed = parseObjectName(active.clusterId, name)
    // A process that does not know its own has put none that it could tell from them.
    if (incarnation === undefined) return false
    if (parsed === undefined || parsed.incarnation !== incarnation) return true
    const nowMs = active.nowMs()
    this.#own.note(parsed.number, nowMs)
    return this.#own.isSettled(parsed.number, nowMs)
  }

  /**
   * Whatever was assembled before this, also in the same commit, is stored then, or never will be: a commit may take as long as a
   * standby is away.
   */
  #behindAll(): Round {
    return this.#ports.committer.submit(BEHIND, Infinity)
  }

  #commit(look: Look, writes: ReadonlyArray<Write>): Round {
    return Effect.andThen(this.#still(look), this.#ports.committer.submit(writing(writes), Infinity))
  }

  /**
   * Nothing is removed for a database that only takes itself for the owner: the store is asked first, and what was read is the
   * writer's if this server still is it.
   */
  #removeAll<A extends ListedObject>(look: Look, objects: ReadonlyArray<A>): Round<Removed<A>> {
    const { active, counts, owner, store } = this.#ports
    return Effect.gen({ self: this }, function* () {
      if (!(yield* owner.mayRemove)) return yield* Effect.fail("Ended" as const)
      yield* active.proven
      yield* this.#still(look)
      const removed: Array<A> = []
      let refusal: ObjectStoreRefused | undefined
      for (const object of objects) {
        // One that the store keeps for reasons of its own holds up no other.
        const refused = yield* Effect.as(store.remove(object.name), undefined).pipe(
          Effect.catchTag("ObjectStoreRefused", (error) => Effect.succeed(error))
        )
        refusal ??= refused
        if (refused !== undefined) continue
        removed.push(object)
        counts.objectBytesRemoved += object.bytes
      }
      return { removed, refusal }
    })
  }

  #still({ reign }: Look): Round {
    return Effect.suspend(() => (this.#ports.active.reign() === reign ? Effect.void : Effect.fail("Ended" as const)))
  }
}
