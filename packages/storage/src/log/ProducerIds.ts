import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Active } from "../commit/Active.ts"
import { Committer } from "../commit/Committer.ts"
import type { Participant } from "../commit/Participant.ts"

/** Producer ids taken from the store at once, as Kafka's controller hands them out. */
const BLOCK = 1000n

/** Gives each producer id once in the life of a cluster. */
export class ProducerIds extends Context.Service<
  ProducerIds,
  {
    readonly next: Effect.Effect<bigint, KafkaError>
  }
>()("@tusk/storage/log/ProducerIds") {
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
      /** One more block of them: one at a time. */
      const taking = (): Participant<void> => {
        let end = taken
        return {
          bytes: 64,
          assemble: (writes) => {
            end = taken + BLOCK
            writes.push({ _tag: "PutNextProducerId", next: end })
            return "Stored"
          },
          retract: () => {},
          settle: (error) => {
            if (error !== undefined || end <= taken) return
            taken = end
            active.tell({ nextProducerId: end })
          },
          answer: () => {}
        }
      }
      return ProducerIds.of({
        next: Semaphore.withPermits(
          gate,
          1
        )(
          Effect.gen(function* () {
            // Again if a take-over came between: what it found was taken before it.
            while (next >= taken) yield* committer.submit(taking())
            return next++
          })
        )
      })
    })
  )
}
