import { assert, describe, it } from "@effect/vitest"
import { GZIP } from "../../src/record/Compression.ts"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"
import { found } from "./Opened.ts"

const Shape = Schema.Struct({
  codec: Schema.Literals([0, 1, 2, 3, 4]),
  times: Schema.NonEmptyArray(Schema.Literals([10, 20, 30, 40])).check(Schema.isMaxLength(12)),
  from: Schema.Literals([0, 3, 7]),
  time: Schema.Literals([5, 10, 25, 40, 41])
})

describe("a search by time", () => {
  it.prop("finds what a look at every record finds", [Shape], ([{ codec, from, time, times }]) => {
    const records = times.map((timestamp, i) => ({ timestamp: BigInt(timestamp), offset: BigInt(i) }))
    const batch = RecordBatch.encodeBatch(records, { compression: codec })
    const behind = records.filter(({ offset }) => offset >= BigInt(from))
    const first = behind.find(({ timestamp }) => timestamp >= BigInt(time))
    assert.deepStrictEqual(found(batch, RecordBatch.lookUpTimestamp(batch, BigInt(time), BigInt(from))), first)
    const latest = behind.toSorted((a, b) => Number(b.timestamp - a.timestamp) || Number(a.offset - b.offset))[0]
    assert.deepStrictEqual(found(batch, RecordBatch.lookUpMaxTimestamp(batch, BigInt(from))), latest)
    const most = records.reduce((most, { timestamp }) => (timestamp > most ? timestamp : most), -1n)
    assert.isUndefined(RecordBatch.lookUpMaxTimestamp(batch, 0n, most))
  })

  it("answers a batch that cannot be read as a whole", () => {
    const batch = RecordBatch.encodeBatch([{ timestamp: 5n }, { timestamp: 9n }], { compression: GZIP, baseOffset: 7n })
    batch[RecordBatch.RECORD_BATCH_OVERHEAD] = 0
    assert.deepStrictEqual(found(batch, RecordBatch.lookUpTimestamp(batch, 6n)), { timestamp: 9n, offset: 7n })
    assert.deepStrictEqual(found(batch, RecordBatch.lookUpTimestamp(batch, 6n, 8n)), { timestamp: 9n, offset: 8n })
    assert.deepStrictEqual(found(batch, RecordBatch.lookUpMaxTimestamp(batch)), { timestamp: 9n, offset: 8n })
  })
})
