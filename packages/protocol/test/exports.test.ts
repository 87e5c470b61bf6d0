import { assert, describe, expect, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"

/**
 * What a package lets others import is what others import: a README, the docs, another package or its tests, a bench, a
 * client. All else is its own. The list in each `package.json` is written from that by `npm run exports`.
 */
const root = new URL("../../../", import.meta.url)
const packages = ["protocol", "storage", "coordinator", "server", "cli", "simulation"]

/** Folders that are public as they are: a file is one message. */
const whole: { readonly [name: string]: ReadonlyArray<string> } = { protocol: ["messages", "embedded"] }

/** What nothing here imports, and is public all the same. */
const beside: { readonly [name: string]: ReadonlyArray<string> } = {
  // For apps that make values from JSON.
  protocol: ["Json"],
  // For a backend of one's own.
  storage: ["testing/storeSuite"],
  // The declaration of a layer of the server names its types.
  coordinator: ["group/shell/GroupConversion"]
}

const read = (file: string): string => readFileSync(new URL(file, root), "utf8")

const sources = [
  "README.md",
  ...["packages", "bench", "clients", "docs"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`)
  )
]
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => /\.(ts|mjs|md)$/.test(file) && !/(^|\/)(node_modules|dist|target)\//.test(file))
  .map((file) => ({ file, text: read(file) }))

const importsOf = (name: string): ReadonlyArray<string> => {
  const found = new Set(beside[name])
  for (const { file, text } of sources) {
    const isOwn = file.startsWith(`packages/${name}/`) && !file.endsWith(".md")
    if (isOwn) continue
    for (const [, path] of text.matchAll(new RegExp(`(?:from|import)[ (]"@tusk/${name}/([^"]+)"`, "g"))) {
      assert(
        existsSync(new URL(`packages/${name}/src/${path}.ts`, root)),
        `${file}: @tusk/${name}/${path} is not there`
      )
      const folder = whole[name]?.find((each) => path!.startsWith(`${each}/`))
      found.add(folder === undefined ? path! : `${folder}/*`)
    }
  }
  return Array.from(found).sort()
}

const entry = (path: string): string =>
  `    "./${path}": { "tusk-source": "./src/${path}.ts", "types": "./dist/${path}.d.ts", "default": "./dist/${path}.js" }`

const withExports = (name: string): string => {
  const paths = importsOf(name)
  const list = paths.length === 0 ? "{}" : `{\n${paths.map(entry).join(",\n")}\n  }`
  return read(`packages/${name}/package.json`).replace(/"exports": \{(\}|[\s\S]*?\n  \}),/, `"exports": ${list},`)
}

describe("what a package exports", () => {
  for (const name of packages) {
    it(`${name}: what others import, and nothing else (npm run exports)`, async () => {
      await expect(withExports(name)).toMatchFileSnapshot(`../../${name}/package.json`)
    })
  }

  it("the rest cannot be imported", () => {
    const { resolve } = createRequire(import.meta.url)
    expect(() => resolve("@tusk/protocol/codec/Compile")).toThrow(/not defined by "exports"/)
  })
})
