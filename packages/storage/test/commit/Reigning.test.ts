import { expect, it } from "@effect/vitest"
import { withCounters } from "../../src/commit/Reigning.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"

it("what was told never goes back, and a counter that is not named stays", () => {
  const told = { epoch: 3, nextProducerId: 10n, nextPartitionId: 7 }
  expect(withCounters(NOTHING_TOLD, told)).toEqual(told)
  expect(withCounters(told, {})).toEqual(told)
  expect(withCounters(told, { nextProducerId: 11n })).toEqual({ ...told, nextProducerId: 11n })
  expect(withCounters(told, { epoch: 2, nextProducerId: 9n, nextPartitionId: 8 })).toEqual({
    ...told,
    nextPartitionId: 8
  })
})
