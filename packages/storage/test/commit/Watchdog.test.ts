import { expect, it } from "@effect/vitest"
import { aftermathOf } from "../../src/commit/Watchdog.ts"
import { Fenced, OutcomeUnknown, StoreRefused, StoreUnavailable } from "../../src/port/StoreError.ts"

const message = "test"
const unknown = new OutcomeUnknown({ message })

it("a failed commit of the same reign leaves everything as before", () => {
  for (const error of [unknown, new StoreRefused({ message }), new StoreUnavailable({ message })]) {
    expect(aftermathOf(error, true, true)).toBe("AsBefore")
  }
})

it("behind a take-over only an unknown outcome is looked up: any other error says that nothing is stored", () => {
  for (const error of [new Fenced({ message }), new StoreUnavailable({ message })]) {
    expect(aftermathOf(error, false, true)).toBe("NotStored")
  }
  expect([true, false, undefined].map((isStored) => aftermathOf(unknown, false, isStored))).toEqual([
    "Stored",
    "NotStored",
    "Unknown"
  ])
})
