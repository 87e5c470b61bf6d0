import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { makeAssumed, NO_CHANGE } from "../commit/Assumed.ts"
import type { Change } from "../commit/Assumed.ts"
import type { Participant } from "../commit/Participant.ts"
import { Store } from "../port/Store.ts"
import { toKafkaError } from "../port/toKafkaError.ts"
import type { Write } from "../port/Write.ts"

/** A transactional id as its coordinator keeps it; `value` is the coordinator's own text. */
export interface StoredTransaction {
  readonly transactionalId: string
  readonly value: string
}

/** The state of transactional ids, kept as their coordinator says. */
export class TransactionStore extends Context.Service<
  TransactionStore,
  {
    /** All that is stored. */
    readonly load: Effect.Effect<ReadonlyArray<StoredTransaction>, KafkaError>
    /** `value` is what assembling makes of it then; null takes the id away. */
    readonly putting: (transactionalId: string, value: string | null) => Participant<void>
    /** `ClusterState.failoverEpoch` of this reign. */
    readonly failoverEpoch: () => number
    /** Runs when this broker has taken the cluster over again: what is in memory may be behind what is stored. */
    readonly onTakeOver: (hook: Effect.Effect<void>) => void
  }
>()("@tusk/storage/transactions/TransactionStore") {
  static readonly layer = Layer.effect(
    TransactionStore,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      let revisions = new Map<string, bigint>()
      const assumed = makeAssumed<string, bigint | null>()
      let next = 1n

      const load = Effect.map(store.loadTransactionalIds, (stored) => {
        assumed.clear()
        revisions = new Map()
        const values = new Map<string, string>()
        for (const { revision, transactionalId, value } of stored) {
          revisions.set(transactionalId, revision)
          values.set(transactionalId, value)
          if (revision >= next) next = revision + 1n
        }
        return Array.from(values, ([transactionalId, value]): StoredTransaction => ({ transactionalId, value }))
      })

      const formerOf = (transactionalId: string): bigint | null => {
        const change = assumed.get(transactionalId)
        return change === undefined ? (revisions.get(transactionalId) ?? null) : change.value
      }

      const putting = (transactionalId: string, value: string | null): Participant<void> => {
        let change: Change = NO_CHANGE
        let revision: bigint | null = null
        return {
          bytes: 64 + transactionalId.length + (value?.length ?? 0),
          assemble: (writes: Array<Write>) => {
            const former = formerOf(transactionalId)
            if (value === null && former === null) return "Told"
            // Revisions of commits that failed are not given again.
            revision = value === null ? null : next++
            if (value !== null)
              writes.push({ _tag: "PutTransactionalId", transactionalId, revision: revision!, former, value })
            else writes.push({ _tag: "DeleteTransactionalId", transactionalId, former: former! })
            change = assumed.set(transactionalId, revision)
            return "Stored"
          },
          retract: () => {
            change.undo()
            change = NO_CHANGE
          },
          settle: (error) => {
            if (error !== undefined || change === NO_CHANGE) return
            if (revision === null) revisions.delete(transactionalId)
            else revisions.set(transactionalId, revision)
            change.done()
          },
          answer: () => {}
        }
      }

      return TransactionStore.of({
        load: Effect.mapError(load, toKafkaError),
        putting,
        failoverEpoch: active.failoverEpoch,
        onTakeOver: (hook) => active.onTakeOver(() => hook)
      })
    })
  )
}
