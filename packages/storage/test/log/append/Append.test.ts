import { assert, describe, it } from "@effect/vitest"
import { Append } from "../../../src/log/append/Append.ts"
import type { AppendPorts } from "../../../src/log/append/Append.ts"
import { makeFirstBatches } from "../../../src/log/append/FirstBatches.ts"
import { ObjectWriter } from "../../../src/log/objects/ObjectWriter.ts"
import { StoreRefused, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { batchOf } from "../batch.ts"
import { limits, newLog } from "../partitions/newLog.ts"

const start = () => {
  const log = newLog()
  const ports: AppendPorts = {
    limits,
    firstBatches: makeFirstBatches(),
    find: () => log,
    leaderEpoch: () => 1,
    nowMs: () => 1000,
    writer: ObjectWriter.defaultValue(),
    appended: () => {}
  }
  const append = (baseSequence: number) => {
    const batch = batchOf({ producerId: 7n, producerEpoch: 0, baseSequence })
    return new Append(ports, [{ partitionId: 1, batch, stampTime: false }], undefined)
  }
  return { append, log }
}

/** The offset or the error of the one batch. */
const told = (append: Append) => {
  const answer = append.answer()[0]!
  return "_tag" in answer ? answer._tag : Number(answer.baseOffset)
}

describe("an append whose producer the partition does not know", () => {
  it("comes behind a first batch that failed, also if a commit of both is refused and each is stored alone", () => {
    const { append } = start()
    const failed = append(0)
    failed.assemble([])
    failed.retract()
    failed.settle(new StoreUnavailable({ message: "refused" }))
    const units = [append(1), append(0), append(1)]
    for (const unit of units) unit.assemble([])
    for (const unit of units.toReversed()) unit.retract()
    for (const unit of units) {
      unit.assemble([])
      unit.settle(undefined)
    }
    assert.deepStrictEqual(units.map(told), ["OutOfOrderSequenceNumber", 0, 1])
  })

  it("is refused behind one that fails alone", () => {
    const { append } = start()
    const units = [append(0), append(1)]
    for (const unit of units) unit.assemble([])
    for (const unit of units.toReversed()) unit.retract()
    const [first, second] = units as [Append, Append]
    first.assemble([])
    first.retract()
    first.settle(new StoreRefused({ message: "a value that cannot be stored" }))
    second.assemble([])
    second.settle(undefined)
    assert.strictEqual(told(second), "OutOfOrderSequenceNumber")
  })
})
