import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const SOURCE = path.join(import.meta.dirname, "../src")

/** What a folder may import besides itself. */
const ALLOWED: Record<string, ReadonlyArray<string>> = {
  assignor: [],
  "group/machine": [],
  "group/classic": ["group/machine", "assignor"],
  "group/consumer": ["group/machine", "assignor"],
  "group/share": ["group/machine", "assignor"],
  "group/streams": ["group/machine", "assignor"],
  "group/shell": ["group/machine", "group/classic", "group/consumer", "group/share", "group/streams", "assignor"]
}

/** Files of the package that a file imports; types too. */
const importsOf = (file: string): ReadonlyArray<string> =>
  Array.from(
    fs.readFileSync(path.join(SOURCE, file), "utf8").matchAll(/from "(\.[^"]+)"/g),
    ([, to]) => path.normalize(path.join(path.dirname(file), to!)) // as the listing below names it
  )

const files = fs
  .readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort()
const imports = new Map(files.map((file) => [file, importsOf(file)]))

describe("imports of the coordinator", () => {
  it("go from the shell to the kinds to the machine", () => {
    const wrong = files.flatMap((file) => {
      const from = path.dirname(file)
      const allowed = ALLOWED[from]
      assert.isDefined(allowed, `${from} has no rule`)
      return imports
        .get(file)!
        .filter((to) => path.dirname(to) !== from && !allowed!.includes(path.dirname(to)))
        .map((to) => `${file} -> ${to}`)
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("make no circle, types included", () => {
    const done = new Set<string>()
    const visit = (file: string, way: ReadonlyArray<string>): void => {
      if (way.includes(file)) assert.fail([...way.slice(way.indexOf(file)), file].join(" -> "))
      if (done.has(file)) return
      for (const to of imports.get(file) ?? []) visit(to, [...way, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
  })
})
