import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"
import { FILL_MOST, FILLER, FILLER_BYTES, Fillers } from "../../src/shadow/Fillers.ts"
import { targetOffset } from "../../src/shadow/OffsetMap.ts"
import { planned } from "../../src/shadow/Plan.ts"
import type { Position, Step } from "../../src/shadow/Plan.ts"
import { offsetsFrom, sequenceAt, targetBatch } from "../../src/shadow/TargetBatch.ts"
import { logOf, Part, readOf } from "./SourceLog.ts"
import type { SourceLog } from "./SourceLog.ts"

const LIMIT = 1 << 24
const SENDER = { producerId: 42n, epoch: 0 }
const MANY = 1000
const fillers = new Fillers()

const optionsOf = (fills: boolean) => ({
  fills,
  fillMost: 4,
  offsetsOf: (batch: Uint8Array, from: bigint) => offsetsFrom(batch, from, LIMIT)
})

/** A target that takes what is sent to it, as Kafka does. */
class Target {
  readonly records: Array<DecodedRecord> = []
  readonly mapped: Array<{ readonly source: bigint; readonly target: bigint }> = []
  readonly #start: bigint

  constructor(start: bigint) {
    this.#start = start
  }

  get end(): bigint {
    return this.#start + BigInt(this.records.length)
  }

  take(step: Step, fills: boolean, isCompacted: boolean): void {
    if (step._tag === "Map") return void this.mapped.push({ source: step.source, target: step.target })
    const batch = targetBatch(step, SENDER, { fills, isCompacted, maxBytes: LIMIT, fillers })
    if (isKafkaError(batch)) throw batch
    assert.isUndefined(RecordBatch.validateBatch(batch))
    assert.strictEqual(step.target, this.end)
    assert.strictEqual(RecordBatch.baseSequence(batch), sequenceAt(this.end))
    assert.deepStrictEqual([RecordBatch.producerId(batch), RecordBatch.isTransactional(batch)], [42n, false])
    assert.strictEqual(RecordBatch.recordCount(batch), step.records)
    const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: LIMIT })
    if (isKafkaError(records)) throw records
    if (isCompacted) assert.isTrue(records.every(({ key }) => key !== null))
    this.records.push(...records)
  }
}

const isFiller = ({ headers }: DecodedRecord): boolean => headers.some(({ key }) => key === FILLER)
const valueOf = ({ value }: DecodedRecord): string => Buffer.from(value ?? []).toString()

/** Forwards all of a log, so many batches at a time. */
const forwarded = (
  log: SourceLog,
  from: Position,
  size: number,
  fills: boolean,
  target: Target,
  isCompacted = false
) => {
  let position = from
  while (position.source < log.end) {
    const { position: next, steps } = planned(
      position,
      readOf(log, position.source, size, from.source),
      optionsOf(fills)
    )
    for (const step of steps) target.take(step, fills, isCompacted)
    assert.isTrue(next.source > position.source)
    position = next
  }
  return position
}

const Parts = Schema.Array(Part)
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
const Start = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MANY }))

describe("what a read becomes at the target", () => {
  it.prop(
    "with fillers: each record at its offset less the difference, and fillers where there is none",
    [Parts, Size, Start, Start, Schema.Boolean],
    ([parts, size, first, there, isCompacted]) => {
      const [start, at] = [BigInt(first), BigInt(there)]
      const log = logOf(parts, start)
      const target = new Target(at)
      const position = { source: start, target: at, difference: start - at }
      const end = forwarded(log, position, size, true, target, isCompacted)
      assert.deepStrictEqual([end.source, end.target, end.difference], [log.end, target.end, start - at])
      target.records.forEach((record, i) => {
        const offset = start + BigInt(i)
        const own = log.committed.get(offset)
        assert.strictEqual(isFiller(record), own === undefined)
        if (own === undefined) return assert.isNull(record.value)
        assert.strictEqual(valueOf(record), own)
        assert.strictEqual(record.timestamp, 1000n + offset)
      })
    }
  )

  it.prop(
    "without: the committed records one after the other, each found by the map",
    [Parts, Size, Start],
    ([parts, size, first]) => {
      const start = BigInt(first)
      const log = logOf(parts, start)
      const target = new Target(5n)
      forwarded(log, { source: start, target: 5n, difference: start - 5n }, size, false, target)
      assert.deepStrictEqual(target.records.map(valueOf), Array.from(log.committed.values()))
      const row = { difference: start - 5n, fills: false, targetStart: 5n }
      Array.from(log.committed.keys()).forEach((offset, i) => {
        assert.strictEqual(targetOffset(row, target.mapped, offset, target.end, MANY), 5n + BigInt(i))
      })
    }
  )

  it.prop(
    "goes on from wherever the target ends, in the middle of a batch too",
    [Parts, Start, Start],
    ([parts, first, cut]) => {
      const start = BigInt(first)
      const log = logOf(parts, start)
      const whole = new Target(0n)
      forwarded(log, { source: start, target: 0n, difference: start }, 2, true, whole)
      const at = BigInt(Math.min(cut, whole.records.length))
      const rest = new Target(at)
      forwarded(log, { source: start + at, target: at, difference: start }, 2, true, rest)
      const told = (record: DecodedRecord) => [valueOf(record), isFiller(record)]
      assert.deepStrictEqual(rest.records.map(told), whole.records.slice(Number(at)).map(told))
    }
  )

  it("fills what retention took before it was forwarded", () => {
    const read = { ...readOf(logOf([], 0n), 0n, 1, 10n), logStartOffset: 10n, emptyUntil: 0n, lastStableOffset: 10n }
    const { position, steps } = planned({ source: 3n, target: 3n, difference: 0n }, read, optionsOf(true))
    assert.deepStrictEqual([position.source, position.target], [10n, 10n])
    assert.deepStrictEqual(
      steps.map((step) => (step._tag === "Fill" ? step.records : step._tag)),
      [4, 3]
    )
  })

  it("fills a gap of any size bit by bit, and then goes on", () => {
    const log = logOf(
      [
        { kind: "gap", offsets: 6, holes: [] },
        { kind: "data", offsets: 1, holes: [] }
      ],
      5000n
    )
    const target = new Target(0n)
    const first = planned({ source: 0n, target: 0n, difference: 0n }, readOf(log, 0n, 1, 0n), optionsOf(true))
    assert.deepStrictEqual([first.steps.length, first.position.source, first.position.target], [100, 400n, 400n])
    forwarded({ ...log }, { source: 0n, target: 0n, difference: 0n }, 1, true, target)
    assert.strictEqual(target.records.length, 5007)
    assert.deepStrictEqual(
      target.records.findIndex((record) => !isFiller(record)),
      5006
    )
  })

  it("says nothing of what is not known to be empty", () => {
    const read = { ...readOf(logOf([], 0n), 0n, 1, 0n), emptyUntil: 3n, lastStableOffset: 9n }
    const { position, steps } = planned({ source: 3n, target: 3n, difference: 0n }, read, optionsOf(true))
    assert.deepStrictEqual([steps.length, position.source], [0, 3n])
  })

  it("leaves out what only brokers set", () => {
    const batch = RecordBatch.encodeBatch([{ timestamp: 5n, value: null }], { timestampType: "LogAppendTime" })
    const view = RecordBatch.viewOf(batch)
    view.setInt16(RecordBatch.ATTRIBUTES_AT, RecordBatch.attributes(batch) | RecordBatch.DELETE_HORIZON_MASK)
    const before = Uint8Array.from(batch)
    const step = { _tag: "Copy", batch, target: 9n, records: 1, next: 10n } as const
    const sent = targetBatch(step, SENDER, { fills: true, isCompacted: false, maxBytes: LIMIT, fillers })
    if (isKafkaError(sent)) throw sent
    assert.isUndefined(RecordBatch.validateBatch(sent))
    assert.strictEqual(RecordBatch.attributes(sent), 0)
    // The batch is the log's.
    assert.deepStrictEqual(batch, before)
  })

  it("stops at a batch that cannot be opened", () => {
    const [batch] = logOf([{ kind: "packed", offsets: 3, holes: [] }], 0n).batches
    const broken = Uint8Array.from(batch!).fill(7, 70)
    const step = { _tag: "Rebuild", batch: broken, from: 1n, target: 1n, records: 2, next: 3n } as const
    assert.isTrue(
      isKafkaError(targetBatch(step, SENDER, { fills: true, isCompacted: false, maxBytes: LIMIT, fillers }))
    )
  })

  it.prop(
    "fillers are a batch as any other, of any number and time",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: FILL_MOST })), Schema.Boolean],
    ([records, isCompacted]) => {
      for (const count of [records, FILL_MOST]) {
        const batch = fillers.batch(count, isCompacted, 77n)
        assert.isUndefined(RecordBatch.validateBatch(batch))
        const found = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: LIMIT })
        if (isKafkaError(found)) throw found
        assert.strictEqual(found.length, count)
        assert.isTrue(
          found.every((record, i) => isFiller(record) && record.offset === BigInt(i) && record.timestamp === 77n)
        )
      }
      assert.isAtMost(fillers.batch(9, true, 1n).byteLength - RecordBatch.RECORD_BATCH_OVERHEAD, 9 * FILLER_BYTES)
    }
  )

  it("numbers records on and on: a sequence begins again at 0 behind 2^31-1", () => {
    assert.deepStrictEqual([0x7fffffffn, 0x80000000n, 0x80000001n].map(sequenceAt), [0x7fffffff, 0, 1])
  })
})
