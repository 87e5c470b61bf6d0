import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import { LONGEST_MS, Recurring } from "../src/Recurring.ts"

const capturing = (lines: Array<readonly [atMs: number, text: string, fields: object]>) =>
  Logger.layer([
    Logger.make(({ date, fiber, message }) => {
      lines.push([date.getTime(), String(message), fiber.getRef(References.CurrentLogAnnotations)])
    })
  ])

describe("a trouble that recurs", () => {
  it.effect("is told at once and then at growing intervals, up to a limit, with how often it was seen", () => {
    const lines: Array<readonly [number, string, object]> = []
    return Effect.gen(function* () {
      const trouble = new Recurring("pg")
      for (let i = 0; i < 4000; i++) {
        yield* trouble.seen("away")
        yield* TestClock.adjust("500 millis")
      }
      assert.deepStrictEqual(
        lines.map(([at]) => at / 1000),
        [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 767, 1023, 1279, 1535, 1791]
      )
      assert.deepStrictEqual(lines[0]![2], { area: "pg" })
      assert.deepStrictEqual(lines[2]![2], { area: "pg", times: 4, forMs: 3000 })
    }).pipe(Effect.provide(capturing(lines)))
  })

  it.effect("is told once when it is over, with how long it lasted", () => {
    const lines: Array<readonly [number, string, object]> = []
    return Effect.gen(function* () {
      const trouble = new Recurring("pg")
      yield* trouble.over("back")
      yield* trouble.seen("away")
      yield* TestClock.adjust("90 seconds")
      yield* trouble.over("back")
      yield* trouble.over("back")
      assert.deepStrictEqual(
        lines.map(([, text, fields]) => [text, fields]),
        [
          ["away", { area: "pg" }],
          ["back", { area: "pg", forMs: 90_000 }]
        ]
      )
    }).pipe(Effect.provide(capturing(lines)))
  })

  it.effect("that comes and goes is not told each time, and is a new one after a long rest", () => {
    const lines: Array<readonly [number, string, object]> = []
    return Effect.gen(function* () {
      const trouble = new Recurring("pg")
      for (let i = 0; i < 100; i++) {
        yield* trouble.seen("away")
        yield* TestClock.adjust("100 millis")
        yield* trouble.over("back")
      }
      // Told at 0, 1, 3, 7 seconds, each with its end.
      assert.lengthOf(lines, 8)
      yield* TestClock.adjust(LONGEST_MS)
      yield* trouble.seen("away")
      assert.lengthOf(lines, 9)
      yield* trouble.seen("away")
      yield* TestClock.adjust("1 second")
      yield* trouble.seen("away")
      assert.lengthOf(lines, 10)
    }).pipe(Effect.provide(capturing(lines)))
  })
})
