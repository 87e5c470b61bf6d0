import { assert, describe, it } from "@effect/vitest"
import { endOfEpoch, epochAt } from "../../../src/log/partitions/LeaderEpochs.ts"
import { confirm, propose } from "../../../src/log/partitions/Proposal.ts"
import { batchOf } from "../batch.ts"
import { limits, newLog } from "./newLog.ts"

describe("leader epochs", () => {
  it("answers where an epoch ended", () => {
    const log = newLog()
    for (const epoch of [2, 2, 5]) {
      propose(log, batchOf({ records: 2 }), { leaderEpoch: epoch, logAppendTime: -1n, nowMs: 0n, limits }, [])
      confirm(log, 0n, limits)
    }
    // Epoch 2 holds offsets 0-3, epoch 5 from 4 on; the broker is in epoch 7.
    assert.deepStrictEqual(endOfEpoch(log, 2, 7), { epoch: 2, endOffset: 4n })
    assert.deepStrictEqual(endOfEpoch(log, 4, 7), { epoch: 2, endOffset: 4n })
    assert.deepStrictEqual(endOfEpoch(log, 5, 7), { epoch: 5, endOffset: 6n })
    assert.deepStrictEqual(endOfEpoch(log, 7, 7), { epoch: 7, endOffset: 6n })
    assert.isUndefined(endOfEpoch(log, 8, 7))
    assert.deepStrictEqual(
      [0n, 3n, 4n, 6n].map((offset) => epochAt(log, offset, 7)),
      [2, 2, 5, 7]
    )
  })
})
