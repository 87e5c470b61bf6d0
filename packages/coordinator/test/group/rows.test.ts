import { assert, describe, it } from "@effect/vitest"
import { VIEW_FIELDS } from "@tusk/storage/groups/viewContract"
import type { ViewField } from "@tusk/storage/groups/viewContract"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as Classic from "../../src/group/classic/ClassicRows.ts"
import * as Consumer from "../../src/group/consumer/ConsumerRows.ts"
import type { MemberRowCodec, RowCodec } from "../../src/group/machine/RowCodec.ts"
import * as Share from "../../src/group/share/ShareRows.ts"
import * as Streams from "../../src/group/streams/StreamsRows.ts"

interface Row {
  readonly kind: "classic" | "consumer" | "share" | "streams"
  readonly row: "group" | "member" | "partition"
  readonly value: string
}
/** As the broker of before the codecs wrote them: never to be made anew. */
const rows: ReadonlyArray<Row> = JSON.parse(fs.readFileSync(new URL("./rows.json", import.meta.url), "utf8"))

/** Reads a row and writes it again, or says why it cannot be read. */
type Again = (row: string) => Result.Result<string, string>
const again = <A>({ decode, encode }: RowCodec<A>): Again => {
  return (row) => Result.map(decode(row), encode)
}
const member = <A>({ decode, encode }: MemberRowCodec<A>): Again => {
  return (row) => Result.map(decode("m", row), encode)
}
const codecs: { readonly [Kind in Row["kind"]]: { readonly [Name in Row["row"]]?: Again } } = {
  classic: { group: again(Classic.groupRow) },
  consumer: { group: again(Consumer.groupRow), member: member(Consumer.memberRow) },
  share: { group: again(Share.groupRow), member: member(Share.memberRow), partition: again(Share.partitionRow) },
  streams: { group: again(Streams.groupRow), member: member(Streams.memberRow) }
}
const writtenAgain = ({ kind, row }: Row, value: string) => codecs[kind][row]!(value)

/** All values at a path of the views' contract. */
const valuesAt = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const [part, ...rest] = path
  if (part === undefined) return [value]
  if (part === "[]") return (value as ReadonlyArray<unknown>).flatMap((each) => valuesAt(each, rest))
  if (part === "{}") return Object.values(value as object).flatMap((each) => valuesAt(each, rest))
  if (!Object.hasOwn(value as object, part)) assert.fail(`there is no ${part}`)
  const next = (value as Record<string, unknown>)[part]
  return next === null && rest.length > 0 ? [] : valuesAt(next, rest)
}

const isText = (value: unknown): value is string => typeof value === "string"
const holds: { readonly [What in ViewField["holds"]]: (value: unknown) => boolean } = {
  text: isText,
  "text or null": (value) => value === null || isText(value),
  number: Number.isSafeInteger,
  base64: (value) => isText(value) && Buffer.from(value, "base64").toString("base64") === value,
  decimal: (value) => isText(value) && /^[0-9]{1,19}$/.test(value)
}

describe("rows", () => {
  it("of before are read, and written again byte for byte", () => {
    for (const row of rows) {
      assert.strictEqual(Result.getOrThrow(writtenAgain(row, row.value)), row.value)
    }
  })

  it("of an unknown version, or with anything missing or of another type, are refused by the path", () => {
    for (const row of rows) {
      const json = JSON.parse(row.value) as Record<string, unknown>
      const whyNot = (value: unknown): string => {
        const read = writtenAgain(row, JSON.stringify(value))
        return Result.isFailure(read) ? read.failure : "read"
      }
      assert.include(whyNot({ ...json, version: 2 }), `at ["version"]`)
      for (const field of Object.keys(json)) {
        assert.include(whyNot({ ...json, [field]: undefined }), `at ["${field}"]`)
        assert.include(whyNot({ ...json, [field]: true }), `at ["${field}"]`)
      }
    }
  })

  it("have what the views read of them", () => {
    for (const field of VIEW_FIELDS) {
      const path = field.path.match(/\[\]|\{\}|[^.[{]+/g)!
      const written = rows
        .filter(({ kind, row }) => kind === field.kind && row === field.row)
        .map((row) => Result.getOrThrow(writtenAgain(row, row.value)))
      const found = written.flatMap((row) => valuesAt(JSON.parse(row), path))
      assert.isNotEmpty(found, `${field.kind} ${field.row} ${field.path}`)
      for (const value of found) assert.isTrue(holds[field.holds](value), `${field.path}: ${JSON.stringify(value)}`)
    }
  })

  it("that are no JSON, or too long, are refused", () => {
    for (const row of rows) {
      for (const value of ["", "{", "null", "[]", "7", "{}", row.value.slice(0, -1)]) {
        assert.isTrue(Result.isFailure(writtenAgain(row, value)), value)
      }
    }
    const long = " ".repeat(16 * 1024 * 1024 + 1)
    assert.deepStrictEqual(Share.memberRow.decode("m", long), Result.fail("16777217 characters are too many"))
  })
})
