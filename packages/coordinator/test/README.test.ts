import { assert, it } from "@effect/vitest"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { Disk } from "./group/Disk.ts"

it.effect("the README's example does what it says", () =>
  Effect.gen(function* () {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
    const [, code, promised] = /```ts\n(.*?)\n\/\/ run with .*: "(.*)"\n```/s.exec(readme)!
    const make = new Function("Effect", "Groups", `${code}\nreturn program`) as (
      effect: typeof Effect,
      groups: typeof Groups
    ) => Effect.Effect<string, never, Groups>
    const layer = Layer.provide(Groups.layer({ maxSize: 500 }), new Disk().layer)
    assert.strictEqual(yield* Effect.provide(make(Effect, Groups), layer), promised)
  })
)
