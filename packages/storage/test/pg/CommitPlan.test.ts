import { assert, describe, it } from "@effect/vitest"
import { Write } from "../../src/port/Write.ts"
import { planCommit } from "../../src/pg/PgStore/CommitPlan.ts"
import { append, committed } from "./Appends.ts"

const deleteBatches = (partitionId: number) => Write.DeleteBatches({ partitionId, below: 9n, limit: 1 })
const deleteTopic = Write.DeleteTopic({ topicId: "t" })
const dropPartition = Write.DropPartition({ partitionId: 1 })
const nextProducerId = Write.PutNextProducerId({ next: 1n })

/** The kinds of each segment, in the order in which they came. */
const planned = (...writes: ReadonlyArray<Write>) => planCommit([writes]).map(({ kinds }) => Array.from(kinds.keys()))

describe("the plan of a commit", () => {
  it("is one segment if no order has a meaning", () => {
    assert.deepStrictEqual(planned(append(0n), committed("g", 1, 1n), append(1n)), [["Append", "PutOffset"]])
    assert.deepStrictEqual(planned(), [[]])
  })

  it("what follows a deletion of the same group or partition comes after it", () => {
    const gone = Write.DeleteGroup({ groupId: "g" })
    assert.deepStrictEqual(planned(gone, committed("g", 1, 1n)), [["DeleteGroup"], ["PutOffset"]])
    assert.deepStrictEqual(planned(gone, committed("other", 1, 1n)), [["DeleteGroup", "PutOffset"]])
    assert.deepStrictEqual(planned(deleteBatches(1), append(0n)), [["DeleteBatches"], ["Append"]])
    assert.deepStrictEqual(planned(deleteBatches(1), deleteBatches(1)), [["DeleteBatches"], ["DeleteBatches"]])
    assert.deepStrictEqual(planned(deleteBatches(1), deleteBatches(2)), [["DeleteBatches"]])
  })

  it("a group that is named like a partition's number is another thing", () => {
    assert.deepStrictEqual(planned(deleteBatches(1), committed("1", 1, 1n)), [["DeleteBatches", "PutOffset"]])
  })

  it("nothing that follows a deleted topic is mixed with what came before it", () => {
    assert.deepStrictEqual(planned(deleteTopic, append(0n)), [["DeleteTopic"], ["Append"]])
    assert.deepStrictEqual(planned(dropPartition, deleteTopic), [["DropPartition"], ["DeleteTopic"]])
    const last = ["DeleteTopic", "DropPartition", "PutNextProducerId"]
    assert.deepStrictEqual(planned(deleteTopic, dropPartition, nextProducerId), [last])
  })
})
