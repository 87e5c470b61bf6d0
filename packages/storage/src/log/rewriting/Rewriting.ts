import { isKafkaError, NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
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
import { toKafkaError } from "../../port/toKafkaError.ts"
import { Objects } from "../objects/Objects.ts"
import type { PlacedObject } from "../objects/PlacedObject.ts"
import { HasSecondTier, KeptInObjects, makePlace } from "./placing.ts"
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
   * Nor if an object that they point to was put too long ago.
   */
  readonly writing: (unit: Unit, object?: PlacedObject) => Participant<void>
  /**
   * Batches below an offset are replaced: in the store, with what they tell of producers, and in memory. Of a topic that keeps
   * its bytes in objects they are put into one first, and so are those that had moved for their age. Objects in which erased
   * records lie are noted.
   */
  readonly replacing: (partitionId: number, below: bigint, why: Why) => Replace
}

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
      const place = makePlace(yield* Objects, yield* KeptInObjects)
      const hasSecondTier = yield* HasSecondTier
      const turns = new Turns()

      const movedBelow = Effect.fnUntraced(function* (partitionId: number) {
        if (!hasSecondTier(partitionId)) return 0n
        const [end] = yield* log.ends([partitionId])
        return isKafkaError(end!) ? 0n : end!.localStartOffset
      })

      const inReign = (): RewritingInReign => {
        const reign = active.reign()
        const guarded = (unit: Unit, object?: PlacedObject, stored?: () => void): Participant<void> => ({
          ...writing(unit, stored),
          assemble: (writes) => {
            const refusal = object?.refusal()
            if (refusal !== undefined) return toKafkaError(refusal)
            if (reign === undefined || active.reign() !== reign) {
              return new NotLeaderOrFollower({ message: "the cluster was taken over meanwhile" })
            }
            if (object !== undefined) writes.push(object.write)
            writes.push(...unit)
            return "Stored"
          }
        })
        return {
          writing: (unit, object) => guarded(unit, object),
          replacing: (partitionId, below, why) =>
            Effect.fnUntraced(function* (replaced) {
              const { batches, object } = yield* place(partitionId, replaced, yield* movedBelow(partitionId))
              // With the commit, and not behind it: no reader is given what is not stored any more.
              const stored = () => log.replaced(partitionId, batches)
              const unit = noted(partitionId, batches, why)
              const removal = guarded([...unit, { _tag: "ReplaceBatches", partitionId, batches }], object, stored)
              yield* committer.submit(log.deleting(partitionId, below, removal), Infinity)
            })
        }
      }

      return Rewriting.of({ inTurn: (partitionId, work) => turns.take(partitionId, work), inReign })
    })
  )
}
