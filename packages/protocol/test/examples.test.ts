import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"

/**
 * Runs the examples of docstrings. A line `expression // value` says what the expression is worth, in JavaScript; what a
 * test imports from `@tusk/protocol` has to be exported.
 */
const source = new URL("../src/", import.meta.url)

const examples = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => {
    const found = readFileSync(new URL(file, source), "utf8").matchAll(/^ \* @example\n((?: \*(?: .*)?\n)+?) \*\/$/gm)
    return Array.from(found, ([, text]) => ({ file, code: text!.replace(/^ \* ?/gm, "") }))
  })

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: Array<string>
) => (...args: Array<any>) => Promise<void>

const run = (code: string): Promise<void> => {
  const body = code
    .replace(/^import \* as (\w+) from (".*")$/gm, "const $1 = await load($2)")
    .replace(/^import \{(.*)\} from (".*")$/gm, "const {$1} = await load($2)")
    .replace(/^(?!const |let |import )(\S.*?) \/\/ (.*)$/gm, "equal($1, $2)")
  return new AsyncFunction("load", "equal", body)((path: string) => import(path), assert.deepStrictEqual)
}

describe("examples of docstrings", () => {
  for (const { code, file } of examples) it(file, () => run(code))

  it("are there for every door", () => {
    const doors = ["Decode", "Header", "Inspect", "Json", "KafkaError", "codec/MessageCodec", "codec/Uuid"]
    const records = ["Compression", "MessageSet", "Murmur2", "RecordBatch", "Records", "ValidateRecords"]
    const files = new Set(examples.map(({ file }) => file))
    const wanted = [...doors, ...records.map((name) => `record/${name}`), "embedded/Versioned"]
    assert.deepStrictEqual(
      wanted.filter((name) => !files.has(`${name}.ts`)),
      []
    )
  })
})
