import { assert, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import * as Raised from "../src/errors/Raised.ts"
import { unraised } from "../src/errors/Unraised.ts"
import {
  CorruptMessage,
  errorCode,
  errorInfo,
  errorMessage,
  isKafkaError,
  type KafkaError,
  OffsetOutOfRange
} from "../src/KafkaError.ts"
import { readTable } from "./vectors.ts"

type Codes = { readonly [Tag in KafkaError["_tag"]]: number }
declare const all: Codes
declare const without: Omit<Codes, "CorruptMessage">

/** Checked by the compiler only: never called. */
export const types = (): ReadonlyArray<Codes> => [
  all,
  // @ts-expect-error a missing tag
  without,
  // @ts-expect-error a tag that is no error
  { ...all, NoSuchError: 1 } satisfies Codes
]

const classes = Object.entries(Raised)

it("names every code of Kafka 4.3.1 once, with its retriability", () => {
  const table: ReadonlyArray<any> = readTable("errors")
  for (const { code, name, retriable } of table) {
    const { text, ...info } = errorInfo(code)!
    assert.deepStrictEqual(info, { code, name, retriable })
    assert.strictEqual(text === null, code === 0 || unraised.some((other) => other.code === code))
  }
  assert.strictEqual(table.length, 135)
  assert.strictEqual(1 + classes.length + unraised.length, 135)
  assert.isUndefined(errorInfo(134))
})

it("an error is a value with the tag of its class, its code and what it was made with", () => {
  for (const [tag, Class] of classes) {
    const error: KafkaError = new Class()
    assert.deepStrictEqual([error._tag, errorCode(error)], [tag, Class.info.code])
  }
  const error = new CorruptMessage({ message: "why" })
  assert.isTrue(isKafkaError(error))
  assert.deepStrictEqual([errorCode(error), errorMessage(error)], [2, "why"])
})

it("an error without a text of its own gives an answer none", () => {
  assert.strictEqual(errorMessage(new OffsetOutOfRange()), null)
})

it("every class is raised somewhere", () => {
  const packages = new URL("../../", import.meta.url)
  const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
    .filter((file) => /^\w+\/src\/.*\.ts$/.test(file))
    .map((file) => readFileSync(new URL(file, packages), "utf8"))
  const made = new Set(sources.flatMap((source) => Array.from(source.matchAll(/new (\w+)\(/g), ([, name]) => name)))
  assert.deepStrictEqual(
    classes.map(([tag]) => tag).filter((tag) => !made.has(tag)),
    []
  )
})
