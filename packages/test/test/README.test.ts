import { describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const top = fileURLToPath(new URL("../../../", import.meta.url))
const page = readFileSync(new URL("../README.md", import.meta.url), "utf8")
const blocks = Array.from(page.matchAll(/```ts\n([\s\S]*?)```/g), (match) => match[1]!)
/** The first line of a block that is a file of the repository. */
const FILE = /^\/\/ (clients\/\S+)\n/
/** The heading above a block. */
const headings = blocks.map((block) =>
  page
    .slice(0, page.indexOf(block))
    .match(/^#+ .*$/gm)!
    .at(-1)!
)

describe("the README's examples", { timeout: 60_000 }, () => {
  const programs = blocks.map((code, i) => [headings[i]!, code] as const).filter(([, code]) => !FILE.test(code))

  it.each(programs)("%s: it does what it says", async (_, code) => {
    const args = ["--conditions=tusk-source", "--input-type=module-typescript", "--eval", code]
    await promisify(execFile)(process.execPath, args, { cwd: top, timeout: 60_000 })
  })

  it("shows recipes as they are", () => {
    const shown = blocks.filter((code) => FILE.test(code))
    expect(shown).toHaveLength(1)
    for (const code of shown) {
      const [line, file] = FILE.exec(code)!
      expect(code.slice(line.length)).toBe(readFileSync(`${top}${file}`, "utf8"))
    }
  })

  it("names recipes that are there, and options that there are", () => {
    const recipes = Array.from(page.matchAll(/`(clients\/test-kit\/[\w-]+)`/g), ([, folder]) => folder!)
    expect(recipes.length).toBeGreaterThan(5)
    for (const folder of recipes) expect(existsSync(`${top}${folder}`), folder).toBe(true)
  })
})
