import { describe, expect, it } from "vitest"
import { parse } from "./Sources.ts"
import type { House } from "./Sources.ts"
import { backArrows } from "./rules/arrows.ts"
import { circles } from "./rules/circles.ts"
import { citedAndMissing } from "./rules/cited.ts"
import { comparedSecrets } from "./rules/comparedSecrets.ts"
import { deadExports } from "./rules/deadExports.ts"
import { headless } from "./rules/headless.ts"
import { undescribed } from "./rules/undescribed.ts"
import { longFunctions } from "./rules/longFunctions.ts"

/** A house of these files: TypeScript is parsed, the rest are pages. */
const houseOf = (files: Record<string, string>): House => {
  const all = Object.entries(files)
  return {
    files: new Set(Object.keys(files)),
    sources: all.filter(([path]) => path.endsWith(".ts")).map(([path, code]) => parse(path, code)),
    pages: new Map(all.filter(([path]) => path.endsWith(".md")))
  }
}

const storage = "packages/storage/src"

describe("each rule finds what is planted, and nothing beside it", () => {
  it("long functions, by the name that is nearest, the longest of each", () => {
    const lines = (count: number) => "\n".repeat(count - 1)
    const house = houseOf({
      [`${storage}/a.ts`]: `const long = () => {${lines(81)}}\nconst screen = () => {${lines(80)}}
const service = { layer: gen(function* () {${lines(90)}}), other() {${lines(100)}} }`,
      "bench/b.ts": `const long = () => {${lines(200)}}`
    })
    expect([...longFunctions(house)]).toEqual([
      [`${storage}/a.ts long`, 81],
      [`${storage}/a.ts layer`, 90],
      [`${storage}/a.ts other`, 100]
    ])
  })

  it("secrets that are compared byte by byte; not whether there is one", () => {
    const room = "packages/server/src/security/sasl"
    const house = houseOf({
      [`${room}/a.ts`]: `export const a = (row: any, password: string, proof: Buffer) =>
  row.password === password || proof.equals(row.storedKey!) || hash(password) !== row.hash`,
      [`${room}/b.ts`]: `export const b = (row: any, password: string) =>
  password === "" || row.password !== undefined || row.hash.byteLength === password.length || row.user === password.user`,
      [`${storage}/topics/c.ts`]: "export const c = (a: any, hash: string) => a.hash === hash"
    })
    expect([...comparedSecrets(house)]).toEqual([
      `${room}/a.ts row.password === password`,
      `${room}/a.ts proof.equals(row.storedKey!)`,
      `${room}/a.ts hash(password) !== row.hash`
    ])
  })

  it("dead exports; not what is read of a module, handed on, shown on a page, or a type in use", () => {
    const house = houseOf({
      [`${storage}/a.ts`]: `export const used = 1, dead = 2, member = 3, handedOn = 4, shown = 5
export interface Part {}
export interface Unused {}
export const whole = (part: Part) => part`,
      [`${storage}/b.ts`]: `import { used } from "./a.ts"\nimport * as a from "./a.ts"\nuse(used, a.member, b.dead)`,
      [`${storage}/c.ts`]: `export { handedOn } from "./a.ts"`,
      "packages/storage/test/d.ts": `import type { whole } from "@tusk/storage/a"\nimport { handedOn } from "@tusk/storage/c"`,
      "README.md": `import { shown } from "@tusk/storage/a"`
    })
    expect([...deadExports(house)]).toEqual([`${storage}/a.ts dead`, `${storage}/a.ts Unused`])
  })

  it("headless files: nothing at the top, nor above the first or the namesake export", () => {
    const house = houseOf({
      [`${storage}/Top.ts`]: `/** What it is for. */\nimport "./x.ts"\nexport const a = 1`,
      [`${storage}/First.ts`]: `import "./x.ts"\n/** What it is for. */\nexport const a = 1`,
      [`${storage}/Namesake.ts`]: `export const a = 1\n/** What it is for. */\nexport class Namesake {}`,
      [`${storage}/Headless.ts`]: `export const a = 1\n/** Of another one. */\nexport const b = 1`,
      [`${storage}/Inner.ts`]: `const a = 1`
    })
    expect([...headless(house)]).toEqual([`${storage}/Headless.ts`])
  })

  it("files that are cited and missing; not those of another repository", () => {
    const house = houseOf({
      [`${storage}/log/a.ts`]: `// See log/a.ts, docs/log.md, b.ts and ../sql/c.sql.\n/* github.com/somebody/theirs has d.ts */`,
      "docs/log.md": "`a.ts`, and `@tusk/storage/log/a`, not `@tusk/storage/log/e`; `packages/*/src/*.ts`"
    })
    expect([...citedAndMissing(house)]).toEqual([
      `${storage}/log/a.ts b.ts`,
      `${storage}/log/a.ts ../sql/c.sql`,
      "docs/log.md @tusk/storage/log/e"
    ])
  })

  it("circles, those of types too; not what leads to one", () => {
    const house = houseOf({
      [`${storage}/a.ts`]: `import { b } from "./b.ts"`,
      [`${storage}/b.ts`]: `import type { C } from "./c.ts"`,
      [`${storage}/c.ts`]: `type A = import("./a.ts").A`,
      [`${storage}/d.ts`]: `export * from "./a.ts"`
    })
    expect([...circles(house)]).toEqual([
      `${storage}/a.ts -> ${storage}/b.ts`,
      `${storage}/b.ts -> ${storage}/c.ts`,
      `${storage}/c.ts -> ${storage}/a.ts`
    ])
  })

  it("arrows that the tables do not allow, and folders that no table has", () => {
    const house = houseOf({
      [`${storage}/port/a.ts`]: `import { b } from "../commit/b.ts"\nimport { c } from "./c.ts"`,
      [`${storage}/commit/b.ts`]: `import { a } from "../port/a.ts"`,
      [`${storage}/port/deep/c.ts`]: `import { a } from "../a.ts"`,
      "packages/server/src/handlers/Fetch.ts": `import { produce } from "./Produce.ts"`,
      "packages/server/src/handlers/Produce.ts": "",
      "packages/server/src/handlers/index.ts": `import { produce } from "./Produce.ts"`,
      [`${storage}/unknown/d.ts`]: `import type { a } from "@tusk/storage/port/a"\nimport { E } from "@tusk/protocol/E"`
    })
    expect([...backArrows(house)]).toEqual([
      `${storage}/port/a.ts -> ${storage}/commit/b.ts`,
      "packages/server/src/handlers/Fetch.ts -> packages/server/src/handlers/Produce.ts",
      `${storage}/unknown/d.ts -> ${storage}/port/a.ts`
    ])
  })

  it("folders that docs/architecture.md has no row for, and rows without a folder", () => {
    const house = houseOf({
      [`${storage}/a.ts`]: "",
      [`${storage}/log/b.ts`]: "",
      [`${storage}/pg/sql/c.ts`]: "",
      [`${storage}/pg/sql/statements/d.sql`]: "",
      "docs/architecture.md": "| `storage/` | all |\n| `storage/log/` | logs |\n| `storage/gone/` | was there |"
    })
    expect([...undescribed(house)]).toEqual(["storage/pg/sql/ has no row", "storage/gone/ is not there"])
  })
})
