import { assert, describe, expect, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"

/**
 * What each package offers to everybody: a line here, and a line in its README. `*` is a folder. `npm run exports` writes
 * `exports` of each `package.json` from it. All else is `internal/…`: what the packages of one version are to each other.
 * Sources name both without it; the build writes `internal/` in (house/build.ts).
 */
const offered: { readonly [name: string]: ReadonlyArray<string> } = {
  protocol: [
    "Decode",
    "Header",
    "Inspect",
    "Json",
    "KafkaError",
    "ProtocolError",
    "codec/Api",
    "codec/MessageCodec",
    "codec/Reader",
    "codec/Uuid",
    "codec/Writer",
    "embedded/*",
    "messages/*",
    "record/Compression",
    "record/Crc32c",
    "record/MessageSet",
    "record/Murmur2",
    "record/RecordBatch"
  ],
  storage: ["memory/MemoryStore", "pg/PgStore", "pg/options/PgOptions", "port/*", "sql", "testing/storeSuite"],
  client: [],
  coordinator: [],
  server: ["Tusk"],
  cli: [],
  test: ["."],
  simulation: []
}

/** The file of `@tusk/NAME`, without a path. */
const main: { readonly [name: string]: string } = { test: "Tusk" }

const root = new URL("../../../", import.meta.url)
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

const importsOf = (name: string) =>
  sources.flatMap(({ file, text }) =>
    Array.from(text.matchAll(new RegExp(`(?:from|import)[ (]"@tusk/${name}(?:/([^"]+))?"`, "g")), ([, path]) => ({
      file,
      path: path ?? "."
    }))
  )

const fileOf = (name: string, path: string): string => `packages/${name}/src/${path === "." ? main[name] : path}.ts`

const isOffered = (name: string, path: string): boolean =>
  offered[name]!.some((each) => each === path || (each.endsWith("/*") && path.startsWith(each.slice(0, -1))))

const entry = (key: string, file: string): string =>
  `    "${key}": { "tusk-source": "./src/${file}.ts", "types": "./dist/${file}.d.ts", "default": "./dist/${file}.js" }`

const exportsOf = (name: string): string =>
  [
    ...offered[name]!.map((path) => (path === "." ? entry(".", main[name]!) : entry(`./${path}`, path))),
    `    "./internal/*": { "types": "./dist/*.d.ts", "default": "./dist/*.js" }`,
    `    "./*": { "tusk-source": "./src/*.ts" }`,
    `    "./package.json": "./package.json"`
  ].join(",\n")

const withExports = (name: string): string =>
  read(`packages/${name}/package.json`).replace(
    /"exports": \{(\}|[\s\S]*?\n  \}),/,
    `"exports": {\n${exportsOf(name)}\n  },`
  )

describe("what a package exports", () => {
  for (const [name, paths] of Object.entries(offered)) {
    it(`${name}: what is offered, and internals by that name (npm run exports)`, async () => {
      await expect(withExports(name)).toMatchFileSnapshot(`../../${name}/package.json`)
    })

    it(`${name}: what is imported of it is there`, () => {
      const missing = importsOf(name).filter(({ path }) => !existsSync(new URL(fileOf(name, path), root)))
      assert.deepEqual(missing, [])
    })

    it(`${name}: what is offered is told, and pages import nothing else`, () => {
      const readme = read(`packages/${name}/README.md`)
      const told = (path: string) => readme.includes(path === "." ? `"@tusk/${name}"` : `\`${path}\``)
      assert.deepEqual(
        paths.filter((path) => !told(path)),
        []
      )
      const pages = importsOf(name).filter(({ file }) => /^(README|packages\/.*)\.md$/.test(file))
      assert.deepEqual(
        pages.filter(({ path }) => !isOffered(name, path)),
        []
      )
    })
  }
})
