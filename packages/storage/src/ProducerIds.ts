import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Active } from "./Active.ts"
import { Committer } from "./Committer.ts"
import { toKafkaError } from "./toKafkaError.ts"

/** Producer ids taken from the store at once, as Kafka's controller hands them out. */
const BLOCK = 1000n

/** Gives each producer id once in the life of a cluster. */
export class ProducerIds extends Context.Service<
  ProducerIds,
  {
    readonly next: Effect.Effect<bigint, KafkaError>
  }
>()("@tusk/storage/ProducerIds") {
  static readonly layer = Layer.effect(
    ProducerIds,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      const gate = yield* Semaphore.make(1)
      let next = active.cluster.nextProducerId
      /** Ids below this are taken from the store. */
      let taken = next
      active.onTakeOver((cluster) =>
        Effect.sync(() => {
          next = cluster.nextProducerId
          taken = next
        })
      )
      return ProducerIds.of({
        next: Semaphore.withPermits(
          gate,
          1
        )(
          Effect.gen(function* () {
            if (next >= taken) {
              const end = taken + BLOCK
              yield* Effect.mapError(committer.write([{ _tag: "PutNextProducerId", next: end }]), toKafkaError)
              taken = end
            }
            return next++
          })
        )
      })
    })
  )
}
