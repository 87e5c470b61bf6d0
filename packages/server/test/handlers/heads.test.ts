import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { handlers } from "../../src/handlers/index.ts"

const folder = new URL("../../src/handlers/", import.meta.url)

describe("a handler's file opens with", () => {
  it.each(handlers.map(({ api }) => api.name))("what %s serves, what it leaves out, and why", (name) => {
    const [serves, leftOut, why] = readFileSync(new URL(`${name}.ts`, folder), "utf8").split("\n")
    assert.match(serves!, new RegExp(`^// Serves: ${name}\\b.*\\.$`))
    assert.match(leftOut!, /^\/\/ Left out: .*\.$/)
    if (leftOut === "// Left out: nothing.") assert.strictEqual(why, "")
    else assert.match(why!, /^\/\/ Why: .*\.$/)
  })

  it("its name", () => {
    const names = handlers.map(({ api }) => `${api.name}.ts`)
    assert.sameMembers(readdirSync(folder), [...names, "ApiTable.ts", "RightsTable.ts", "index.ts"])
  })
})
