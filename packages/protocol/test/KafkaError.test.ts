import { assert, it } from "@effect/vitest"
import { CorruptMessage, errorCode, errorInfo, isKafkaError, type KafkaError } from "../src/KafkaError.ts"
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

it("names every code of Kafka 4.3.1, with its retriability", () => {
  const table: ReadonlyArray<any> = readTable("errors")
  for (const { code, name, retriable } of table) assert.deepStrictEqual(errorInfo(code), { code, name, retriable })
  assert.strictEqual(table.length, 135)
  assert.isUndefined(errorInfo(134))
  const error = new CorruptMessage({ message: "why" })
  assert.isTrue(isKafkaError(error))
  assert.deepStrictEqual([errorCode(error), error.message], [2, "why"])
})
