import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Write } from "../port/Write.ts"
import type { WriteOf } from "../port/Write.ts"
import type { Port, Scenarios } from "./storeScenarios.ts"

const begin = (firstOffset: bigint, producerId = 7n): Write =>
  Write.BeginTransaction({ partitionId: 1, producerId, firstOffset })

const end = (changes: Partial<WriteOf<"EndTransaction">>): Write =>
  Write.EndTransaction({
    partitionId: 1,
    producerId: 7n,
    firstOffset: 0n,
    lastOffset: 1n,
    lastStableOffset: 2n,
    aborted: true,
    ...changes
  })

const firsts = (store: Port, from: bigint, to: bigint) =>
  Effect.map(store.abortedTransactions(1, from, to), (found) => found.map(({ firstOffset }) => firstOffset))

/** What is open, what was aborted, and the state of transactional ids. */
export const transactionCases = ({ log, loadOne }: Scenarios): void => {
  describe("transactions", () => {
    log("one that is open is told with its partition, until it ends", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([
          [model.append(), begin(0n)],
          [model.append(), begin(1n, 8n)]
        ])
        expect(yield* loadOne(store)).toMatchObject({
          openTransactions: [
            { producerId: 7n, firstOffset: 0n },
            { producerId: 8n, firstOffset: 1n }
          ],
          lastAborted: -1n
        })
        yield* store.commit([[model.append(), end({ lastOffset: 2n, lastStableOffset: 1n, aborted: false })]])
        expect(yield* loadOne(store)).toMatchObject({
          openTransactions: [{ producerId: 8n, firstOffset: 1n }],
          lastAborted: -1n
        })
        expect(yield* firsts(store, 0n, 100n)).toEqual([])
      })
    )

    log("one may begin and end in one commit", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([[model.append(), begin(0n), model.append(), end({})]])
        expect(yield* loadOne(store)).toMatchObject({ openTransactions: [], lastAborted: 1n })
        expect(yield* store.abortedTransactions(1, 0n, 2n)).toEqual([
          { producerId: 7n, firstOffset: 0n, lastOffset: 1n, lastStableOffset: 2n }
        ])
      })
    )

    log("aborted ones are told by range, and not beyond it", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([Array.from({ length: 20 }, () => model.append())])
        yield* store.commit([
          [
            end({ firstOffset: 0n, lastOffset: 3n, lastStableOffset: 2n }),
            end({ firstOffset: 2n, lastOffset: 5n, lastStableOffset: 6n, producerId: 8n }),
            end({ firstOffset: 8n, lastOffset: 9n, lastStableOffset: 10n }),
            end({ firstOffset: 12n, lastOffset: 13n, lastStableOffset: 14n })
          ]
        ])
        expect(yield* firsts(store, 0n, 20n)).toEqual([0n, 2n, 8n, 12n])
        expect(yield* firsts(store, 0n, 2n)).toEqual([0n])
        expect(yield* firsts(store, 0n, 3n)).toEqual([0n, 2n])
        expect(yield* firsts(store, 4n, 9n)).toEqual([2n, 8n])
        expect(yield* firsts(store, 6n, 8n)).toEqual([])
        expect(yield* firsts(store, 14n, 20n)).toEqual([])
        expect(yield* store.abortedTransactions(2, 0n, 20n)).toEqual([])
      })
    )

    log("aborted ones go with the batches that they tell of", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([Array.from({ length: 6 }, () => model.append())])
        yield* store.commit([[end({ lastOffset: 1n }), end({ firstOffset: 2n, lastOffset: 4n, lastStableOffset: 5n })]])
        yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 3n, limit: 10 })]])
        expect(yield* firsts(store, 0n, 100n)).toEqual([2n])
        const batches = [{ baseOffset: 4n, records: null }]
        yield* store.commit([[Write.ReplaceBatches({ partitionId: 1, batches })]])
        expect(yield* firsts(store, 0n, 100n)).toEqual([])
      })
    )
  })
  transactionalIdCases(log)
}

const transactionalIdCases = (log: Scenarios["log"]): void => {
  describe("transactional ids", () => {
    log("the state of one is the last that was put, until it is deleted", (store) =>
      Effect.gen(function* () {
        const put = (transactionalId: string, revision: bigint, former: bigint | null, value: string) =>
          Write.PutTransactionalId({ transactionalId, revision, former, value })
        yield* store.commit([[put("a", 1n, null, "one"), put("b\u0000", 2n, null, "other")]])
        yield* store.commit([[put("a", 3n, 1n, "two")], [put("a", 4n, 3n, "three")]])
        const all = Effect.map(store.loadTransactionalIds, (ids) =>
          ids.toSorted((x, y) => Number(x.revision - y.revision))
        )
        expect(yield* all).toEqual([
          { transactionalId: "b\u0000", revision: 2n, value: "other" },
          { transactionalId: "a", revision: 4n, value: "three" }
        ])
        yield* store.commit([[Write.DeleteTransactionalId({ transactionalId: "a", former: 4n })]])
        expect((yield* all).map(({ transactionalId }) => transactionalId)).toEqual(["b\u0000"])
      })
    )
  })
}
