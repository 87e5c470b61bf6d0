import { assert, describe, it } from "@effect/vitest"
import { TRANSACTION_FIELDS } from "@tusk/storage/groups/viewContract"
import { addToTransaction, verifyInTransaction } from "../../src/transaction/machine/AddToTransaction.ts"
import type { Decision, Moment, Producer } from "../../src/transaction/machine/Decision.ts"
import { abortFencing, endTransaction } from "../../src/transaction/machine/EndTransaction.ts"
import { initProducer } from "../../src/transaction/machine/InitProducer.ts"
import { transactionRow } from "../../src/transaction/machine/TransactionRows.ts"
import { NO_GROUPS, NO_PARTITIONS } from "../../src/transaction/machine/TransactionState.ts"
import type { Phase, TransactionState } from "../../src/transaction/machine/TransactionState.ts"

const NOW: Moment = { nowMs: 1000, failoverEpoch: 0 }

const state = (changes: Partial<TransactionState> = {}): TransactionState => ({
  producerId: 7n,
  previousProducerId: 7n,
  producerEpoch: 3,
  lastProducerEpoch: -1,
  timeoutMs: 60_000,
  phase: "Empty",
  partitionIds: NO_PARTITIONS,
  groups: NO_GROUPS,
  startedAtMs: -1,
  updatedAtMs: 0,
  failoverEpoch: 0,
  ...changes
})
const ongoing = (changes: Partial<TransactionState> = {}): TransactionState =>
  state({ phase: "Ongoing", partitionIds: new Set([1, 2]), startedAtMs: 500, ...changes })

/** A decision in a word, or the error's. */
const brief = (decision: Decision<unknown>): string =>
  decision._tag === "Refused" ? decision.error._tag : decision._tag

const init = (known: TransactionState | undefined, expected?: Producer, newProducerId?: bigint, moment = NOW) =>
  initProducer(known, { timeoutMs: 60_000, expected, newProducerId }, moment)

const answerOf = (decision: Decision<Producer>): readonly [bigint, number] | string => {
  if (decision._tag !== "Changed" && decision._tag !== "Known") return brief(decision)
  return [decision.answer.producerId, decision.answer.producerEpoch]
}

describe("a producer that begins", () => {
  it.each([
    ["the first of its id", init(undefined, undefined, 9n), [9n, 0]],
    ["the first, without an id to give", init(undefined), "NeedsProducerId"],
    ["one more", init(state()), [7n, 4]],
    ["one that recovers", init(state(), { producerId: 7n, producerEpoch: 3 }), [7n, 4]],
    ["one whose answer was lost", init(state({ lastProducerEpoch: 2 }), { producerId: 7n, producerEpoch: 2 }), [7n, 3]],
    ["one with an older epoch", init(state(), { producerId: 7n, producerEpoch: 1 }), "ProducerFenced"],
    ["one with another id", init(state(), { producerId: 5n, producerEpoch: 3 }), "ProducerFenced"],
    ["behind the last epoch", init(state({ producerEpoch: 0x7ffe }), undefined, 9n), [9n, 0]],
    ["behind the last epoch, without an id", init(state({ producerEpoch: 0x7ffe })), "NeedsProducerId"],
    [
      "one that recovers over a change of ids",
      init(state({ producerId: 9n, producerEpoch: 0, lastProducerEpoch: 0x7ffe }), {
        producerId: 7n,
        producerEpoch: 0x7ffe
      }),
      [9n, 0]
    ],
    ["behind a failover", init(state(), undefined, 9n, { ...NOW, failoverEpoch: 5 }), [9n, 0]],
    [
      "one that recovers behind a failover",
      init(state(), { producerId: 7n, producerEpoch: 3 }, 9n, { ...NOW, failoverEpoch: 5 }),
      "ProducerFenced"
    ]
  ])("%s", (_, decision, expected) => assert.deepStrictEqual(answerOf(decision), expected as never))

  it("aborts what is open, with an epoch that no producer has, and takes the next one", () => {
    const decision = init(ongoing())
    assert.deepStrictEqual(answerOf(decision), [7n, 5])
    assert.deepInclude(decision, { _tag: "Changed" })
    if (decision._tag !== "Changed") return
    assert.deepInclude(decision.ended, { producerId: 7n, producerEpoch: 4, committed: false, raisesEpoch: true })
    assert.deepStrictEqual(decision.ended?.partitionIds, new Set([1, 2]))
    assert.deepInclude(decision.state, { phase: "Empty", failoverEpoch: 0 })
  })

  it("one that recovers from an open transaction keeps the epoch of the abort", () => {
    const decision = init(ongoing(), { producerId: 7n, producerEpoch: 3 })
    assert.deepStrictEqual(answerOf(decision), [7n, 4])
  })

  it("what is open at the last epoch is aborted with the very last, and the producer has another id", () => {
    const decision = init(ongoing({ producerEpoch: 0x7ffe }), undefined, 9n)
    assert.deepStrictEqual(answerOf(decision), [9n, 1])
    assert.deepInclude(decision._tag === "Changed" ? decision.ended : undefined, {
      producerId: 7n,
      producerEpoch: 0x7fff
    })
  })
})

describe("an end", () => {
  const end = (known: TransactionState | undefined, committed: boolean, producerEpoch: number, raisesEpoch: boolean) =>
    endTransaction(known, { producerId: 7n, producerEpoch, committed, raisesEpoch, newProducerId: undefined }, NOW)
  const phases: ReadonlyArray<Phase> = ["Ongoing", "Empty", "CompleteCommit", "CompleteAbort"]
  const row = (committed: boolean, producerEpoch: number, raisesEpoch: boolean) =>
    phases.map((phase) => brief(end(state({ phase }), committed, producerEpoch, raisesEpoch)))

  it.each([
    [
      "version 2, commit, own epoch",
      row(true, 3, true),
      ["Changed", "InvalidTxnState", "InvalidTxnState", "InvalidTxnState"]
    ],
    [
      "version 2, commit, epoch before",
      row(true, 2, true),
      ["ProducerFenced", "ProducerFenced", "Known", "InvalidTxnState"]
    ],
    ["version 2, abort, own epoch", row(false, 3, true), ["Changed", "Changed", "Changed", "Changed"]],
    [
      "version 2, abort, epoch before",
      row(false, 2, true),
      ["ProducerFenced", "ProducerFenced", "InvalidTxnState", "Known"]
    ],
    ["older, commit", row(true, 3, false), ["Changed", "InvalidTxnState", "Known", "InvalidTxnState"]],
    ["older, abort", row(false, 3, false), ["Changed", "InvalidTxnState", "InvalidTxnState", "Known"]],
    ["older, another epoch", row(true, 2, false), phases.map(() => "ProducerFenced")]
  ])("%s", (_, found, expected) => assert.deepStrictEqual(found, expected))

  it("by version 2 raises the epoch, of the markers and of the producer", () => {
    const decision = end(ongoing(), true, 3, true)
    assert.deepStrictEqual(answerOf(decision), [7n, 4])
    assert.deepInclude(decision._tag === "Changed" ? decision.ended : undefined, {
      producerEpoch: 4,
      committed: true,
      raisesEpoch: true
    })
  })

  it("by an older version keeps it", () => {
    const decision = end(ongoing(), true, 3, false)
    assert.deepInclude(decision._tag === "Changed" ? decision.ended : undefined, {
      producerEpoch: 3,
      raisesEpoch: false
    })
    assert.deepInclude(decision._tag === "Changed" ? decision.state : undefined, {
      producerEpoch: 3,
      phase: "CompleteCommit"
    })
  })

  it("at the last epoch takes another producer id, and says so again to a producer that asks again", () => {
    const known = ongoing({ producerEpoch: 0x7ffe })
    const asked = { producerId: 7n, producerEpoch: 0x7ffe, committed: true, raisesEpoch: true }
    assert.strictEqual(brief(endTransaction(known, { ...asked, newProducerId: undefined }, NOW)), "NeedsProducerId")
    const decision = endTransaction(known, { ...asked, newProducerId: 9n }, NOW)
    assert.deepStrictEqual(answerOf(decision), [9n, 0])
    if (decision._tag !== "Changed") return
    assert.strictEqual(decision.ended?.producerEpoch, 0x7fff)
    assert.deepStrictEqual(answerOf(endTransaction(decision.state, { ...asked, newProducerId: undefined }, NOW)), [
      9n,
      0
    ])
  })

  it("of an unknown id, or of another producer, is INVALID_PRODUCER_ID_MAPPING", () => {
    assert.strictEqual(brief(end(undefined, true, 3, true)), "InvalidProducerIdMapping")
    assert.strictEqual(brief(end(state({ producerId: 8n }), true, 3, true)), "InvalidProducerIdMapping")
  })

  it("behind a failover is fenced: what it was may be lost", () => {
    const asked = { producerId: 7n, producerEpoch: 3, committed: true, raisesEpoch: true, newProducerId: undefined }
    assert.strictEqual(brief(endTransaction(ongoing(), asked, { ...NOW, failoverEpoch: 1 })), "ProducerFenced")
  })

  it("for its time fences the producer", () => {
    const { ended, state: after } = abortFencing(ongoing(), undefined, NOW)
    assert.deepInclude(ended, { producerEpoch: 4, committed: false })
    assert.strictEqual(
      brief(
        endTransaction(
          after,
          { producerId: 7n, producerEpoch: 3, committed: true, raisesEpoch: false, newProducerId: undefined },
          NOW
        )
      ),
      "ProducerFenced"
    )
  })
})

describe("what becomes part of a transaction", () => {
  const producer = { producerId: 7n, producerEpoch: 3 }

  it("begins it, once", () => {
    const first = addToTransaction(state(), { ...producer, partitionIds: [4] }, NOW)
    assert.deepInclude(first._tag === "Changed" ? first.state : undefined, { phase: "Ongoing", startedAtMs: 1000 })
    if (first._tag !== "Changed") return
    assert.strictEqual(brief(addToTransaction(first.state, { ...producer, partitionIds: [4] }, NOW)), "Known")
    const second = addToTransaction(first.state, { ...producer, partitionIds: [5] }, { ...NOW, nowMs: 2000 })
    assert.deepStrictEqual(second._tag === "Changed" ? second.state.partitionIds : undefined, new Set([4, 5]))
    assert.deepInclude(second._tag === "Changed" ? second.state : undefined, { startedAtMs: 1000, updatedAtMs: 2000 })
  })

  it.each([
    ["another epoch", state(), { ...producer, producerEpoch: 2 }, NOW, "ProducerFenced"],
    ["another id", state(), { ...producer, producerId: 1n }, NOW, "InvalidProducerIdMapping"],
    ["no transactional id", undefined, producer, NOW, "InvalidProducerIdMapping"],
    ["behind a failover", state(), producer, { ...NOW, failoverEpoch: 2 }, "ProducerFenced"]
  ] as const)("%s", (_, known, who, moment, tag) =>
    assert.strictEqual(brief(addToTransaction(known, { ...who, partitionIds: [1] }, moment)), tag)
  )

  it("of an offset the last one counts", () => {
    const offset = (at: bigint) => ({
      partitionId: 1,
      offset: at,
      leaderEpoch: -1,
      metadata: null,
      commitTimestamp: 1n,
      expireTimestamp: -1n,
      former: null
    })
    const first = addToTransaction(state(), { ...producer, partitionIds: [], groupId: "g", offsets: [offset(4n)] }, NOW)
    if (first._tag !== "Changed") return assert.fail("it is taken")
    const second = addToTransaction(
      first.state,
      { ...producer, partitionIds: [], groupId: "g", offsets: [offset(9n)] },
      NOW
    )
    if (second._tag !== "Changed") return assert.fail("it is taken")
    assert.deepStrictEqual(second.state.groups.get("g")?.get(1)?.offset, 9n)
  })

  it("a partition that was not named has to be aborted, or is INVALID_TXN_STATE", () => {
    assert.isUndefined(verifyInTransaction(ongoing(), producer, 1, true, NOW))
    assert.strictEqual(verifyInTransaction(ongoing(), producer, 9, true, NOW)?._tag, "TransactionAbortable")
    assert.strictEqual(verifyInTransaction(ongoing(), producer, 9, false, NOW)?._tag, "InvalidTxnState")
    assert.strictEqual(verifyInTransaction(state(), producer, 1, false, NOW)?._tag, "InvalidTxnState")
  })
})

describe("the row of a transactional id", () => {
  it("is read as it was written", () => {
    const offset = {
      partitionId: 3,
      offset: 1n << 60n,
      leaderEpoch: 2,
      metadata: "m",
      commitTimestamp: 5n,
      expireTimestamp: -1n,
      former: { offset: 1n, commitTimestamp: 2n }
    }
    const kept = ongoing({ groups: new Map([["g", new Map([[3, offset]])]]), producerId: (1n << 62n) + 1n })
    const read = transactionRow.decode(transactionRow.encode(kept))
    assert.deepStrictEqual(read._tag === "Success" ? read.success : read.failure, kept)
  })

  it("has what the view reads of it", () => {
    const row = JSON.parse(transactionRow.encode(ongoing({ partitionIds: new Set([4, 5]) })))
    const held = { text: "string", number: "number", decimal: "string" }
    for (const { holds, path } of TRANSACTION_FIELDS) {
      const value = path.endsWith("[]") ? row[path.slice(0, -2)][1] : row[path]
      assert.strictEqual(typeof value, held[holds as keyof typeof held], path)
    }
  })

  it("of another form is refused", () => {
    const read = transactionRow.decode(JSON.stringify({ version: 1, producerId: 7 }))
    assert.strictEqual(read._tag, "Failure")
  })
})
