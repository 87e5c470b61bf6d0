import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import { Store } from "../../port/Store.ts"
import { Counts } from "../../StorageCounts.ts"
import { Topics } from "../../topics/Topics.ts"
import { Log } from "../Log.ts"
import { Objects } from "../objects/Objects.ts"
import { Rewriting } from "../rewriting/Rewriting.ts"
import { makeMoveCold } from "./moveCold.ts"
import { TieredTopics } from "./TieredTopics.ts"
import { TierOptions, TierPolicies } from "./TierOptions.ts"

/**
 * Moves old batches of tiered topics from their rows to objects (KIP-405): the row stays, and says where the bytes are. Of a
 * topic that is not tiered any more what has moved is deleted, if it says so.
 */
export class Tiering extends Context.Service<
  Tiering,
  {
    /** Moves all that is to move now. */
    readonly check: Effect.Effect<void>
  }
>()("@tusk/storage/log/tiering/Tiering") {
  /** `Rewriting` is given to it. */
  static readonly layerNoDeps = Layer.effect(
    Tiering,
    Effect.gen(function* () {
      const [store, active, log, options, counts] = [
        yield* Store,
        yield* Active,
        yield* Log,
        yield* TierOptions,
        yield* Counts
      ]
      const [objects, committer, rewriting] = [yield* Objects, yield* Committer, yield* Rewriting]
      const hasObjects = (yield* ObjectStore) !== undefined
      const tiered = new TieredTopics({
        store,
        log,
        topics: yield* Topics,
        rewriting,
        policyOf: yield* TierPolicies,
        move: hasObjects ? makeMoveCold({ store, objects, committer, rewriting, log, counts, options }) : undefined,
        counts,
        options
      })
      active.onTakeOver(() => Effect.sync(() => tiered.clear()))
      const look = Effect.andThen(active.whenReigning, tiered.check)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(options.intervalMs), look)))
      return Tiering.of({ check: tiered.check })
    })
  )

  /** A layer is built once: whoever rewrites logs takes turns with the others. */
  static readonly layer = Layer.provide(this.layerNoDeps, Rewriting.layer)
}
