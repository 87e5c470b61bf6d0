import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { sleep } from "../../bench/groups/Report.ts"
import { withWire } from "../../bench/groups/Target.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import { CommittedReader } from "../transactions/CommittedReader.ts"
import { within } from "./Asking.ts"
import type { Report } from "./Report.ts"

const ATTEMPT_MS = 12_000
const ABORTED_OF = 4

/** A broker says no: not for good, unless one of these is said. */
class Refused extends Error {
  readonly code: number
  constructor(what: string, code: number) {
    super(`${what}: code ${code}`)
    this.code = code
  }
}

/** OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING, and the one that a fenced producer hears. */
const PRODUCER_FENCED = 90
const FOR_GOOD = new Set([45, 47, 48, 49, PRODUCER_FENCED])

const accepted = (what: string, code: number | undefined): void => {
  if (code !== 0) throw new Refused(what, code ?? -1)
}

interface Id {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/**
 * A transactional producer on the wire: each transaction has a record for each partition, and each fourth is aborted. One whose
 * records may be stored in part is aborted by a new epoch, and others are begun; one that was told to commit is asked again until that is
 * answered, or the producer is fenced, as each one is by a failover: then all of it is there, or nothing.
 */
export class Transactions {
  readonly errors: Array<string> = []
  /** Values whose transaction was acknowledged. */
  readonly committed: Array<string> = []
  /** Of transactions that a failover came upon: the producer was fenced before it heard how they ended. */
  readonly #unheard: Array<ReadonlyArray<string>> = []
  readonly #bootstrap: string
  readonly #topic: string
  readonly #partitions: number
  #stopping = false
  #isAbandoned = false
  #refusals = 0
  #wire: Wire | undefined
  readonly #ended: Promise<void>

  /** The topic is there. */
  constructor(bootstrap: string, topic: string, partitions: number) {
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.#partitions = partitions
    this.#ended = this.#live().catch((error: unknown) => void this.errors.push(String(error)))
  }

  /** Ends what is under way, and begins nothing. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
    this.#wire?.close()
  }

  /** For a scenario that failed: whatever is under way. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    await this.stop()
  }

  /** Holds what a read_committed consumer is given against what was committed. */
  async judge(report: Report, name: string): Promise<void> {
    await this.stop()
    const reader = new CommittedReader(new Map([[this.#topic, this.#partitions]]))
    const read = (await withWire(this.#bootstrap, (wire) => reader.rest(wire))).map(({ value }) => value)
    const found = new Set(read)
    const halves = this.#unheard.filter((values) => new Set(values.map((value) => found.has(value))).size > 1)
    const known = new Set([...this.committed, ...this.#unheard.flat()])
    const count = this.committed.length / this.#partitions
    const figure = `${count} committed, ${this.#unheard.length} fenced, ${this.#refusals} tries refused or unheard of`
    report.note(`${name}: transactions`, figure)
    const lost = this.committed.filter((value) => !found.has(value))
    report.none(`${name}: records of transactions lost`, lost, `0 of ${this.committed.length}`)
    const doubled = read.length - found.size
    report.check(`${name}: records of transactions doubled`, doubled === 0, `${doubled}`, "0")
    const strange = read.filter((value) => !known.has(value))
    report.none(`${name}: records of transactions that are not committed`, strange)
    report.none(`${name}: transactions of which a part is there`, halves.map(String))
    report.none(`${name}: transactional producers that failed`, this.errors)
  }

  /** Tried again until it is answered with something that lasts. */
  async #asked<A>(ask: (wire: Wire) => Promise<A>): Promise<A> {
    for (;;) {
      if (this.#isAbandoned) throw new Error("abandoned")
      try {
        if (this.#wire === undefined || this.#wire.isClosed) this.#wire = await Wire.connect(this.#bootstrap, "txn")
        return await within(this.#wire, ATTEMPT_MS, ask(this.#wire))
      } catch (error) {
        if (!(error instanceof Closed) && !(error instanceof Refused && !FOR_GOOD.has(error.code))) throw error
        this.#refusals++
        await sleep(100)
      }
    }
  }

  #identified(): Promise<Id> {
    return this.#asked(async (wire) => {
      const own = { transactionalId: "failover", transactionTimeoutMs: 120_000, producerId: -1n, producerEpoch: -1 }
      const answer = await wire.call(InitProducerId, 4, own)
      accepted("InitProducerId", answer.errorCode)
      return answer
    })
  }

  async #live(): Promise<void> {
    let id = await this.#identified()
    let sequence = 0
    for (let n = 0; !this.#stopping; n++) {
      await sleep(5)
      const isAborted = n % ABORTED_OF === ABORTED_OF - 1
      const values = Array.from({ length: this.#partitions }, (_, partition) => `t${n}-${partition}`)
      if (await this.#written(id, sequence++, values)) {
        const isEnded = await this.#end(id, !isAborted)
        if (!isAborted && isEnded) this.committed.push(...values)
        if (isEnded) continue
        if (!isAborted) this.#unheard.push(values)
      }
      id = await this.#identified()
      sequence = 0
    }
  }

  /** False: it is fenced, and does not know how it ended. */
  #end({ producerEpoch, producerId }: Id, committed: boolean): Promise<boolean> {
    return this.#asked(async (wire) => {
      const answer = await wire.call(EndTxn, 3, { transactionalId: "failover", producerId, producerEpoch, committed })
      if (answer.errorCode === PRODUCER_FENCED) return false
      accepted("EndTxn", answer.errorCode)
      return true
    })
  }

  /** Tried once. False: it may be there in part. */
  async #written(
    { producerEpoch, producerId }: Id,
    baseSequence: number,
    values: ReadonlyArray<string>
  ): Promise<boolean> {
    const indexes = values.map((_, index) => index)
    const work = async (wire: Wire) => {
      const entered = await wire.call(AddPartitionsToTxn, 3, {
        v3AndBelowTransactionalId: "failover",
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: this.#topic, partitions: indexes }]
      })
      const codes = entered.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) => resultsByPartition)
      for (const { partitionErrorCode } of codes) accepted("AddPartitionsToTxn", partitionErrorCode)
      const own = { producerId, producerEpoch, baseSequence, isTransactional: true }
      const partitionData = values.map((value, index) => ({
        index,
        records: RecordBatch.encodeBatch([{ timestamp: BigInt(Date.now()), key: null, value: Buffer.from(value) }], own)
      }))
      const answer = await wire.call(Produce, 9, {
        transactionalId: "failover",
        acks: -1,
        timeoutMs: 10_000,
        topicData: [{ name: this.#topic, partitionData }]
      })
      for (const { errorCode } of answer.responses[0]!.partitionResponses) accepted("Produce", errorCode)
    }
    try {
      if (this.#wire === undefined || this.#wire.isClosed) this.#wire = await Wire.connect(this.#bootstrap, "txn")
      await within(this.#wire, ATTEMPT_MS, work(this.#wire))
      return true
    } catch (error) {
      if (!(error instanceof Closed) && !(error instanceof Refused)) throw error
      this.#refusals++
      await sleep(100)
      return false
    }
  }
}
