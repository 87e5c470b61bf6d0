import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import type { KeyedHistory, KeyedRecord } from "./KeyedHistory.ts"
import { initProducerId } from "./Producer.ts"
import { fetchRequest, produceRequest } from "./Requests.ts"
import { KEYED_TOPIC } from "./topicNames.ts"

/** Of the compacted topic: for how long its tombstones stay. */
export const TOMBSTONES_MS = 8000
export const keyedConfigs = {
  "cleanup.policy": "compact",
  "min.cleanable.dirty.ratio": "0.01",
  "segment.ms": "1",
  "delete.retention.ms": `${TOMBSTONES_MS}`
}
const OUT_OF_ORDER = 45
export const KEYS = ["a", "b", "c", "d", "e"]
const utf8 = new TextEncoder()

/** Puts and deletes keys, one request in flight, each sent again until it is acknowledged. */
export const keyedProducer = (shared: ClientWorld, history: KeyedHistory, name: string, batches: number) =>
  Effect.gen(function* () {
    const client = new Client(shared, name)
    const { chance } = client
    let producerId = yield* initProducerId(client, shared.history)
    let baseSequence = 0
    for (let batch = 0; batch < batches; batch++) {
      const records = Array.from({ length: chance.between(1, 3) }, (_, i) => ({
        key: chance.pick(KEYS),
        value: chance.permille(200) ? null : `${batch}.${i}`
      }))
      const timestamp = BigInt(client.nowMs)
      history.sends(records)
      const encode = () =>
        RecordBatch.encodeBatch(
          records.map(({ key, value }) => ({
            timestamp,
            key: utf8.encode(key),
            value: value === null ? null : utf8.encode(value)
          })),
          { producerId, producerEpoch: 1, baseSequence }
        )
      while (true) {
        const request = produceRequest([{ index: 0, records: encode() }], KEYED_TOPIC)
        const answer = yield* Effect.result(client.call(Produce, 9, request, 3000, request.timeoutMs))
        const told = Result.isSuccess(answer) ? answer.success.responses[0]!.partitionResponses[0]! : undefined
        if (told?.errorCode === 0) {
          const offset = Number(told.baseOffset)
          client.log(`puts ${records.map(({ key, value }) => `${key}=${value ?? "-"}`).join(" ")} at ${offset}`)
          history.sends([])
          records.forEach((record, i) => history.acknowledged({ ...record, offset: offset + i }, Number(timestamp)))
          break
        }
        // A failover lost the batch before it: what follows is a new beginning.
        if (told?.errorCode === OUT_OF_ORDER && shared.history.era > 0) {
          producerId = yield* initProducerId(client, shared.history)
          baseSequence = 0
        }
        yield* Effect.sleep(chance.between(10, 300))
      }
      baseSequence += records.length
      yield* Effect.sleep(chance.between(50, 800))
    }
    client.log("is done")
    client.disconnect()
  })

/** Reads the whole log now and then. */
export const keyedReader = (shared: ClientWorld, history: KeyedHistory): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "keys")
    while (true) {
      yield* Effect.sleep(client.chance.between(200, 3000))
      yield* Effect.result(readKeyed(client, history, shared.history))
    }
  })

/** Whether all was read, and by brokers that could know. */
export const readKeyed = (client: Client, history: KeyedHistory, all: History) =>
  Effect.gen(function* () {
    const startMs = client.nowMs
    const { era } = all
    const { known } = history
    const records: Array<KeyedRecord> = []
    let position = 0
    while (true) {
      const maxBytes = client.chance.pick([100, 1 << 20])
      const request = fetchRequest(new Map([[0, position]]), 0, { topic: KEYED_TOPIC, maxBytes })
      const answer = yield* client.call(Fetch, 12, request)
      if (client.mayBeBehind(startMs) || era !== all.era) return false
      const found = answer.responses[0]?.partitions[0]
      if (found === undefined || found.errorCode !== 0) return false
      const batches = RecordBatch.splitBatches(Buffer.concat(found.records ?? []))
      if (!Array.isArray(batches)) throw batches
      if (batches.length === 0) break
      for (const batch of batches) {
        const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
        if ("_tag" in decoded) throw decoded
        for (const { key, offset, value } of decoded) {
          if (Number(offset) < position) continue
          const text = value === null ? null : Buffer.from(value).toString()
          const record = { offset: Number(offset), key: Buffer.from(key ?? []).toString(), value: text }
          records.push(record)
          all.erasures.reads("keys", { ...record, topic: KEYED_TOPIC, partition: 0 }, startMs)
        }
        position = Number(RecordBatch.lastOffset(batch)) + 1
      }
    }
    client.log(`reads ${records.length} of ${position} records of keys`)
    history.read({ known, startMs, endMs: client.nowMs, records })
    return true
  })
