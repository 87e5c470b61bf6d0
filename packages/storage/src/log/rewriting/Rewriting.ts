import { KafkaStorageError, NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Replacement, Unit } from "../../port/Write.ts"
import { Log } from "../Log.ts"
import { PutNow } from "../objects/PutNow.ts"
import { KeptInObjects, makePlace } from "./placing.ts"
import { Turns } from "./Turns.ts"

/** Stores what takes the place of batches. */
export type Replace = (replacements: ReadonlyArray<Replacement>) => Effect.Effect<void, KafkaError | StoreError>

/** Why batches are replaced. */
export type Why = "Compacted" | "Erased"

const noted = (partitionId: number, batches: ReadonlyArray<Replacement>, why: Why): Unit =>
  why === "Erased" ? [{ _tag: "PutErased", partitionId, baseOffsets: batches.map(({ baseOffset }) => baseOffset) }] : []

/** What rewrites a log in one reign. */
export interface RewritingInReign {
  /**
   * These writes, if nobody has taken over since: what was read before is not written after, as another may have been at work.
   * `putMs`: since when an object that they point to may be there (`Active.nowMs`): after most of an hour they are refused.
   */
  readonly writing: (unit: Unit, putMs?: number) => Participant<void>
  /**
   * Batches below an offset are replaced: in the store, with what they tell of producers, and in memory. Of a topic that keeps
   * its bytes in objects they are put into one first. Objects in which erased records lie are noted.
   */
  readonly replacing: (partitionId: number, below: bigint, why: Why) => Replace
}

/** An object to which nothing points is collected one day: pointers to it are committed long before. */
const FRESH_MS = 3_000_000

/** For whoever reads batches and puts others in their place. */
export class Rewriting extends Context.Service<
  Rewriting,
  {
    /**
     * From the read of batches to what takes their place one rewrites a partition: else a second one would put back what
     * the first has taken away.
     */
    readonly inTurn: <A, E>(partitionId: number, work: Effect.Effect<A, E>) => Effect.Effect<A, E>
    /** Begins in the reign of now. */
    readonly inReign: () => RewritingInReign
  }
>()("@tusk/storage/log/rewriting/Rewriting") {
  static readonly layer = Layer.effect(
    Rewriting,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      const log = yield* Log
      const place = makePlace(yield* PutNow, yield* KeptInObjects)
      const turns = new Turns()

      const inReign = (): RewritingInReign => {
        const reign = active.reign()
        const guarded = (unit: Unit, putMs = Infinity, stored?: () => void): Participant<void> => ({
          ...writing(unit, stored),
          assemble: (writes) => {
            if (active.nowMs() - putMs > FRESH_MS) {
              return new KafkaStorageError({ message: "an object was put too long ago to be pointed to" })
            }
            if (reign === undefined || active.reign() !== reign) {
              return new NotLeaderOrFollower({ message: "the cluster was taken over meanwhile" })
            }
            writes.push(...unit)
            return "Stored"
          }
        })
        return {
          writing: (unit, putMs) => guarded(unit, putMs),
          replacing: (partitionId, below, why) =>
            Effect.fnUntraced(function* (replaced) {
              const putMs = active.nowMs()
              const { batches, objects } = yield* place(partitionId, replaced)
              // With the commit, and not behind it: no reader is given what is not stored any more.
              const stored = () => log.replaced(partitionId, batches)
              const unit = [...objects, ...noted(partitionId, batches, why)]
              const removal = guarded([...unit, { _tag: "ReplaceBatches", partitionId, batches }], putMs, stored)
              yield* committer.submit(log.deleting(partitionId, below, removal), Infinity)
            })
        }
      }

      return Rewriting.of({ inTurn: (partitionId, work) => turns.take(partitionId, work), inReign })
    })
  )
}
