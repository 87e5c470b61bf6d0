import { readdirSync, readFileSync, writeFileSync } from "node:fs"

const SQL = new URL("../src/pg/sql/", import.meta.url)
const BUNDLE = new URL("bundle.ts", SQL)

/** A folder of `.sql` files each, by the name of what holds their texts. */
const FOLDERS: Readonly<Record<string, string>> = {
  migrations: "migrations/",
  commitTexts: "statements/commit/",
  readTexts: "statements/read/",
  publishTexts: "statements/publish/",
  outboxTexts: "statements/outbox/",
  shadowTexts: "statements/shadow/",
  erasureTexts: "statements/erasure/",
  statisticsTexts: "statements/statistics/",
  takeOverTexts: "statements/takeover/",
  unpackedTexts: "statements/unpacked/",
  materialisedTexts: "statements/materialised/"
}

const HEAD = `// Made of the .sql files beside it by \`npm run sql\`: file names and texts, nothing else. Not edited by hand.
`

const quoted = (text: string): string => `\`${text.replaceAll(/[\\`]|\$\{/g, "\\$&")}\``

const member = (folder: URL, file: string): string => {
  const name = file.slice(0, -".sql".length)
  const text = readFileSync(new URL(file, folder), "utf8").trimEnd()
  return `  ${/^\d/.test(name) ? `"${name}"` : name}: ${quoted(text)}`
}

/** The text of `bundle.ts` as the files of now make it, in order of their names. */
export const bundleOf = (): string => {
  const parts = Object.entries(FOLDERS).map(([name, path]) => {
    const folder = new URL(path, SQL)
    const files = readdirSync(folder)
      .filter((file) => file.endsWith(".sql"))
      .sort()
    return `\nexport const ${name} = {\n${files.map((file) => member(folder, file)).join(",\n")}\n}\n`
  })
  return HEAD + parts.join("")
}

/** The text of `bundle.ts` as it is. */
export const writtenBundle = (): string => readFileSync(BUNDLE, "utf8")

if (import.meta.main) writeFileSync(BUNDLE, bundleOf())
