/** `try … finally` in an Effect generator does not run its end if the fiber is interrupted: no oxlint rule says so. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readdirSync, readFileSync } from "node:fs"

const packages = new URL("../../", import.meta.url)

/** Of a generator's source from its first brace on: up to the brace that closes it. Texts and comments are left out. */
const bodyOf = (source: string): string => {
  let depth = 0
  for (let at = 0; at < source.length; at++) {
    if (source[at] === "{") depth++
    else if (source[at] === "}" && --depth === 0) return source.slice(0, at + 1)
  }
  return source
}
const withoutTexts = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "")

/** How many generators of a source end something by `finally`. */
const finallies = (text: string): number => {
  const source = withoutTexts(text)
  let found = 0
  for (const { index } of source.matchAll(/function\s*\*/g)) {
    const parameters = source.indexOf(")", index)
    if (/\bfinally\s*\{/.test(bodyOf(source.slice(source.indexOf("{", parameters))))) found++
  }
  return found
}

describe("what is begun in an Effect generator", () => {
  it("is not ended by finally: acquireUseRelease, ensuring or a scope end it", () => {
    const offenders: Array<string> = []
    for (const room of readdirSync(packages)) {
      const src = new URL(`${room}/src/`, packages)
      for (const name of readdirSync(src, { recursive: true, encoding: "utf8" })) {
        if (name.endsWith(".ts") && finallies(readFileSync(new URL(name, src), "utf8")) > 0) {
          offenders.push(`${room}/src/${name}`)
        }
      }
    }
    assert.deepStrictEqual(offenders, [])
  })

  it("the rule finds it, and nothing that is none", () => {
    const wrong = "Effect.gen(function* () { try { yield* f({}) } finally { off() } })"
    assert.strictEqual(finallies(wrong), 1)
    assert.strictEqual(
      finallies(`const f = (a) => { try { g() } finally { h() } }; ${wrong.replace("finally", "catch")}`),
      0
    )
    assert.strictEqual(finallies('Effect.gen(function* () { log("finally { }") // finally {\n })'), 0)
  })

  it.effect("as finally does not run there", () =>
    Effect.gen(function* () {
      let ran = false
      const waiting = Effect.gen(function* () {
        try {
          yield* Effect.never
        } finally {
          ran = true
        }
      })
      const fiber = yield* Effect.forkChild(waiting, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.isFalse(ran, "once it does, the rule may go")
    })
  )
})
