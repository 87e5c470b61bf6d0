import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { apiTable } from "../src/handlers/ApiTable.ts"
import { rightsTable } from "../src/handlers/RightsTable.ts"

describe("the README at the top", () => {
  it("has the table of what is served (npm run docs)", () => {
    const text = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
    const table = /<!-- apis -->\n([\s\S]*?)\n<!-- \/apis -->/.exec(text)?.[1]
    assert.strictEqual(table, apiTable())
  })
})

describe("the page on security", () => {
  it("has the table of what each API asks for (npm run docs)", () => {
    const text = readFileSync(new URL("../../../docs/security.md", import.meta.url), "utf8")
    const table = /<!-- rights -->\n([\s\S]*?)\n<!-- \/rights -->/.exec(text)?.[1]
    assert.strictEqual(table, rightsTable())
  })
})
