import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchResponse } from "@tusk/protocol/messages/Fetch"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { keyOf } from "./keyOf.ts"
import { endOffsets, fetchRequest } from "./Requests.ts"
import { groupOf, TRANSACTIONS_PARTITIONS, TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"

const READ_COMMITTED = 1
type Answered = FetchResponse["responses"][number]["partitions"][number]

interface Committed {
  readonly offset: number
  readonly value: string
}

/** The records of an answer that are committed, as a consumer tells them, and where it goes on. */
export const committedOf = (
  { abortedTransactions, records }: Answered,
  from: number
): { readonly records: ReadonlyArray<Committed>; readonly next: number } => {
  const taken: Array<Committed> = []
  const batches = RecordBatch.splitBatches(Buffer.concat(records ?? []))
  if ("_tag" in batches) throw batches
  const aborted = (abortedTransactions ?? []).toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const open = new Set<bigint>()
  let next = from
  for (const batch of batches) {
    const last = RecordBatch.lastOffset(batch)
    while (aborted.length > 0 && aborted[0]!.firstOffset <= last) open.add(aborted.shift()!.producerId)
    const producerId = RecordBatch.producerId(batch)
    if (RecordBatch.isControl(batch)) open.delete(producerId)
    else if (!RecordBatch.isTransactional(batch) || !open.has(producerId)) {
      const found = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
      if ("_tag" in found) throw found
      for (const { offset, value } of found) {
        if (Number(offset) >= from) taken.push({ offset: Number(offset), value: Buffer.from(value ?? []).toString() })
      }
    }
    next = Math.max(next, Number(last) + 1)
  }
  return { records: taken, next }
}

/** Fetches once, of all partitions, and moves the positions on. */
const fetchCommitted = (
  client: Client,
  history: History,
  positions: Map<number, number>,
  maxWaitMs: number,
  seen: (value: string) => void
) =>
  Effect.gen(function* () {
    const body = {
      ...fetchRequest(positions, maxWaitMs, { topic: TRANSACTIONS_TOPIC }),
      isolationLevel: READ_COMMITTED
    }
    const answer = yield* client.call(Fetch, 12, body, 3000, maxWaitMs)
    const { asked } = client
    for (const { partitions } of answer.responses) {
      for (const answered of partitions) {
        const { errorCode, highWatermark, lastStableOffset, partitionIndex } = answered
        if (errorCode !== 0) {
          if (errorCode === 1) positions.set(partitionIndex, 0)
          continue
        }
        history.transactions.lastStableOffset(partitionIndex, Number(lastStableOffset), Number(highWatermark), asked)
        const { next, records } = committedOf(answered, positions.get(partitionIndex)!)
        if (records.length > 0 && next > Number(lastStableOffset)) {
          history.violate(
            "T1",
            `partition ${partitionIndex} is read up to ${next}, and stable up to ${lastStableOffset}`
          )
        }
        for (const { offset, value } of records) {
          seen(value)
          if (asked.isBehind) continue
          const record = { topic: TRANSACTIONS_TOPIC, partition: partitionIndex, offset, key: keyOf(value) }
          history.erasures.reads(client.name, record, asked.sentMs)
        }
        positions.set(partitionIndex, next)
      }
    }
  })

const fromTheStart = () => new Map(Array.from({ length: TRANSACTIONS_PARTITIONS }, (_, partition) => [partition, 0]))

/** Reads what is committed, for as long as it is let; now and then from the start. */
export const committedReader = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "committed")
    let positions = fromTheStart()
    while (true) {
      yield* Effect.sleep(client.chance.between(0, 300))
      if (client.chance.permille(50)) positions = fromTheStart()
      const waitMs = client.chance.pick([0, 500])
      yield* Effect.ignore(
        fetchCommitted(client, history, positions, waitMs, (value) => history.transactions.reads(value))
      )
    }
  })

/** All that is committed at the end. */
export const readCommitted = (client: Client, history: History) =>
  Effect.gen(function* () {
    const ends = yield* endOffsets(client, TRANSACTIONS_TOPIC, TRANSACTIONS_PARTITIONS)
    if (ends.size < TRANSACTIONS_PARTITIONS) return false
    const positions = fromTheStart()
    const found = new Map<string, number>()
    const isBehind = () => Array.from(ends).some(([partition, end]) => positions.get(partition)! < end)
    for (let i = 0; i < 60 && isBehind(); i++) {
      yield* fetchCommitted(client, history, positions, 100, (value) => found.set(value, (found.get(value) ?? 0) + 1))
    }
    if (isBehind()) return false
    history.transactions.finish(found, (value) => history.erasures.mayBeErased(TRANSACTIONS_TOPIC, keyOf(value)))
    return true
  })

/** Which transaction's offset the group of a transactional id has at the end. */
export const readTransactionOffsets = (client: Client, history: History, transactionalId: string) =>
  Effect.gen(function* () {
    const answer = yield* client.call(OffsetFetch, 7, {
      ...OffsetFetch.request.defaults(),
      groupId: groupOf(transactionalId),
      topics: [{ name: TRANSACTIONS_TOPIC, partitionIndexes: [0] }],
      requireStable: true
    })
    const [partition] = answer.topics[0]?.partitions ?? []
    if (answer.errorCode !== 0 || partition === undefined || partition.errorCode !== 0) return false
    history.transactions.finishOffsets(transactionalId, partition.committedOffset < 0n ? null : partition.metadata)
    return true
  })
