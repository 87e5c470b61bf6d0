import { describe, expect, it } from "@effect/vitest"
import { History } from "../src/History.ts"
import { KeyedHistory } from "../src/KeyedHistory.ts"
import type { KeyedRecord } from "../src/KeyedHistory.ts"

const RETENTION_MS = 1000

/** Records in few words: `1 a=x`, and `2 a=-` for a tombstone. */
const records = (...texts: ReadonlyArray<string>): ReadonlyArray<KeyedRecord> =>
  texts.map((text) => {
    const [, offset, key, value] = /^(\d+) (\w)=(.*)$/.exec(text)!
    return { offset: Number(offset), key: key!, value: value === "-" ? null : value! }
  })

/** What is wrong with a reading at `atMs` of what was acknowledged at 0. */
const wrong = (
  written: ReadonlyArray<string>,
  found: ReadonlyArray<string>,
  {
    atMs = 0,
    known = written.length,
    pending = [],
    tookMs = 0
  }: {
    readonly atMs?: number
    readonly known?: number
    readonly tookMs?: number
    readonly pending?: Array<string>
  } = {}
) => {
  const history = new History()
  const keyed = new KeyedHistory(history, RETENTION_MS)
  for (const record of records(...written)) keyed.acknowledged(record, 0)
  keyed.read({
    known: { count: known, pending: new Set(pending) },
    startMs: atMs,
    endMs: atMs + tookMs,
    records: records(...found)
  })
  return history.violations
}

describe("what was read of a compacted topic", () => {
  const written = ["0 a=1", "1 b=1", "2 a=2", "3 b=-"]

  it("is right with and without what is superseded", () => {
    expect(wrong(written, written)).toEqual([])
    expect(wrong(written, ["2 a=2", "3 b=-"])).toEqual([])
    expect(wrong(written, ["2 a=2"], { atMs: RETENTION_MS })).toEqual([])
    // Written, but not known yet when the reading began.
    expect(wrong(written, ["0 a=1", "1 b=1"], { known: 2 })).toEqual([])
    expect(wrong(written, ["1 b=1", "2 a=2"], { atMs: RETENTION_MS, tookMs: RETENTION_MS })).toEqual([])
  })

  it("is wrong if the latest of a key is missing", () => {
    expect(wrong(written, ["0 a=1", "3 b=-"])).toEqual(["R1: a=2, acknowledged at 2, is lost"])
    expect(wrong(written, ["3 b=-"])).toEqual(["R1: a=2, acknowledged at 2, is lost"])
    // Something that is sent and not acknowledged may have deleted it.
    expect(wrong(written, ["3 b=-"], { pending: ["a"] })).toEqual([])
  })

  it("is wrong if a tombstone goes too early, or leaves what it deleted", () => {
    expect(wrong(written, ["2 a=2"])).toEqual(["R2: the tombstone of b at 3 is gone too early"])
    expect(wrong(written, ["1 b=1", "2 a=2"], { atMs: RETENTION_MS })).toEqual([
      "R1: b was deleted at 3 and is there again, at 1"
    ])
  })

  it("is wrong if something lies elsewhere, or twice", () => {
    expect(wrong(written, ["0 b=1", "2 a=2", "3 b=-"])).toEqual(["R2: offset 0 was a=1 and is b=1"])
    expect(wrong(written, ["2 a=2", "2 a=2", "3 b=-"])).toEqual(["R2: offset 2 is read behind 2"])
    expect(wrong(["1 a=1", "0 b=1"], ["0 b=1", "1 a=1"])).toEqual(["R2: b=1 is acknowledged at 0, behind 1"])
  })
})
