import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Write } from "../port/Write.ts"
import type { Scenarios } from "./storeScenarios.ts"

/** How far a partition's batches have moved to its topic's second tier. */
export const tierCases = ({ loadOne, log }: Scenarios): void => {
  describe("tiers", () => {
    log("where the second tier ends does not go back either, and need not lie above the log start", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([[model.append({ records: 9 })]])
        expect((yield* loadOne(store)).localStartOffset).toBe(0n)
        yield* store.commit([
          [
            Write.PutLocalStart({ partitionId: 1, localStartOffset: 5n }),
            Write.PutLocalStart({ partitionId: 1, localStartOffset: 3n }),
            Write.PutLocalStart({ partitionId: 77, localStartOffset: 3n })
          ]
        ])
        yield* store.commit([[Write.PutLocalStart({ partitionId: 1, localStartOffset: 4n })]])
        yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 7n })]])
        expect(yield* loadOne(store)).toMatchObject({ localStartOffset: 5n, logStartOffset: 7n })
      })
    )
  })
}
