import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { startToolShell } from "../groups/ToolShell.ts"

const TOPIC = "tools"

export interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export const init = async (wire: Wire, transactionalId: string): Promise<Producer> => {
  let producer: Producer | undefined
  const given = await holdsWithin(30_000, async () => {
    const found = await wire.call(FindCoordinator, 4, { keyType: 1, coordinatorKeys: [transactionalId] })
    if (found.coordinators[0]?.errorCode !== 0) return false
    const answer = await wire.call(InitProducerId, 5, { transactionalId, transactionTimeoutMs: 300_000 })
    producer = answer
    return answer.errorCode === 0
  })
  if (!given || producer === undefined) throw new Error(`no producer id for ${transactionalId}`)
  return producer
}

export const send = async (
  wire: Wire,
  transactionalId: string,
  producer: Producer,
  partition: number,
  { topic = TOPIC, version = 12 } = {}
): Promise<void> => {
  const { producerEpoch, producerId } = producer
  const records = RecordBatch.encodeBatch([{ value: Buffer.from("v") }], {
    ...{ producerId, producerEpoch, baseSequence: 0, isTransactional: true, timestamp: BigInt(Date.now()) }
  })
  const answer = await wire.call(Produce, version, {
    transactionalId,
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }]
  })
  const errorCode = answer.responses[0]?.partitionResponses[0]?.errorCode
  if (errorCode !== 0) throw new Error(`Produce of ${transactionalId}: error ${errorCode}`)
}

export const end = async (
  wire: Wire,
  transactionalId: string,
  producer: Producer,
  committed: boolean
): Promise<number> => {
  const { producerEpoch, producerId } = producer
  return (await wire.call(EndTxn, 5, { transactionalId, producerId, producerEpoch, committed })).errorCode
}

/** Apache Kafka answers EndTxn before the markers are written. */
const untilComplete = async (wire: Wire): Promise<void> => {
  const complete = await holdsWithin(30_000, async () => {
    const { transactionStates } = await wire.call(ListTransactions, 1, {
      stateFilters: ["CompleteCommit", "CompleteAbort"]
    })
    return transactionStates.length === 2
  })
  if (!complete) throw new Error("no end of the transactions within 30 s")
}

/** Columns that differ from run to run. */
const OWN = new Set([
  ...["ProducerId", "Coordinator", "CoordinatorId", "LastTimestamp", "LatestCoordinatorEpoch"],
  ...[
    "CurrentTransactionStartTimeMs",
    "TransactionDurationMs",
    "Transaction Duration (min)",
    "TransactionDurationMin",
    "Duration(min)"
  ]
])

/** A table without its spaces, with stars for what differs from run to run, rows in order. */
export const told = (text: string): string => {
  const [head, ...rows] = text
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s+at /.test(line))
    .map((line) => line.split("\t").map((cell) => cell.trim()))
  const shown = rows.map((cells) => cells.map((cell, i) => (OWN.has(head?.[i] ?? "") ? "*" : cell)).join("|"))
  return [head?.join("|"), ...shown.toSorted()].join(" / ").replaceAll(/producerId=\d+/g, "producerId=*")
}

/** What `kafka-transactions` prints for one history, and what comes of that: outcomes by step. */
export const toolOutcomes = async (bootstrap: string): Promise<ReadonlyMap<string, string>> => {
  const outcomes = new Map<string, string>()
  await createTopics(bootstrap, new Map([[TOPIC, 2]]))
  const shell = await startToolShell(bootstrap)
  const ask = async (step: string, ...args: ReadonlyArray<string>) => {
    const { code, text } = await shell.run("kafka-transactions", args)
    outcomes.set(step, `${told(text)} (${code})`)
  }
  const describe = async (when: string) => {
    await ask(`list ${when}`, "list")
    for (const id of ["open", "committed", "aborted"])
      await ask(`describe ${id} ${when}`, "describe", "--transactional-id", id)
    for (const partition of ["0", "1"]) {
      await ask(`producers ${partition} ${when}`, "describe-producers", "--topic", TOPIC, "--partition", partition)
    }
  }
  const history = async (wire: Wire) => {
    const [open, committed, aborted] = [
      ...[await init(wire, "open"), await init(wire, "committed"), await init(wire, "aborted")]
    ] as const
    await describe("of none")
    await send(wire, "committed", committed, 0)
    await send(wire, "aborted", aborted, 1)
    outcomes.set(
      "ends",
      `${await end(wire, "committed", committed, true)} ${await end(wire, "aborted", aborted, false)}`
    )
    await untilComplete(wire)
    await send(wire, "open", open, 0)
    await send(wire, "open", open, 1)
    await describe("of one")
    await ask("describe one that is not there", "describe", "--transactional-id", "nobody")
    const hanging = ["find-hanging", "--topic", TOPIC, "--max-transaction-timeout", "0"]
    await ask("find-hanging", ...hanging)
    await ask("abort at no start", "abort", "--topic", TOPIC, "--partition", "0", "--start-offset", "77")
    await ask("abort", "abort", "--topic", TOPIC, "--partition", "0", "--start-offset", "2")
    await describe("after abort")
    outcomes.set("end after abort", `${await end(wire, "open", open, true)}`)
    await describe("at the end")
    await ask("find-hanging at the end", ...hanging)
  }
  try {
    await withWire(bootstrap, history)
  } finally {
    await shell.stop()
  }
  return outcomes
}
