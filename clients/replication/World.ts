/** What imports and shadows are judged by: two clusters, batches written to the one, and both logs side by side. */
import { deleteRecords, EARLIEST, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { createTopic } from "@tusk/client/admin/Topics"
import { isRetriable, refusalOf } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import { Hidden } from "@tusk/client/consume/FetchedRecords"
import { KafkaClient, makeKafkaClient } from "@tusk/client/KafkaClient"
import { partitionText } from "@tusk/client/leaders"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Ending } from "../../bench/Ending.ts"
import { sleep } from "../../bench/groups/Report.ts"

/** A cluster, as a client of ours has it. */
export interface Cluster {
  readonly bootstrap: string
  readonly client: KafkaClient["Service"]
  readonly run: <A>(effect: Effect.Effect<A, ClientError, KafkaClient>) => Promise<A>
}

/** A client that lives as long as the program. */
export const clusterAt = async (ending: Ending, bootstrap: string): Promise<Cluster> => {
  const scope = Scope.makeUnsafe()
  ending.add(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const [host, port] = bootstrap.split(":")
  const options = {
    bootstrap: [{ host: host!, port: Number(port) }],
    clientId: "replication",
    softwareVersion: "0",
    requestTimeoutMs: 30_000,
    retryMs: 30_000
  }
  const making = makeKafkaClient(options).pipe(Effect.provide(nodeTransport), Scope.provide(scope))
  const client = await Effect.runPromise(making)
  return { bootstrap, client, run: (effect) => Effect.runPromise(Effect.provideService(effect, KafkaClient, client)) }
}

/** Tries again what may pass, as while a broker is killed and comes back. */
export const insist = async <A>(attempt: () => Promise<A>, forMs = 120_000): Promise<A> => {
  for (const until = Date.now() + forMs; ;) {
    try {
      return await attempt()
    } catch (error) {
      const passes = typeof error === "object" && error !== null && "_tag" in error && isRetriable(error as ClientError)
      if (!passes || Date.now() > until) throw error
      await sleep(200)
    }
  }
}

export const topicAt = (
  { run }: Cluster,
  name: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {}
): Promise<unknown> =>
  insist(() =>
    run(createTopic({ name, partitions, replicationFactor: 1, configs: new Map(Object.entries(configs)) }, false))
  )

/** Where a partition begins and ends. */
export const endsOf = async (
  { run }: Cluster,
  topic: string,
  partition: number
): Promise<readonly [bigint, bigint]> => {
  const at = async (time: bigint) => {
    const [found] = await run(listOffsets([{ topic, partition }], time))
    if (!("offset" in found!.result)) throw found!.result
    return found!.result.offset
  }
  return [await at(EARLIEST), await at(LATEST)]
}

export const deleteBefore = ({ run }: Cluster, topic: string, partition: number, offset: bigint): Promise<unknown> =>
  run(deleteRecords([{ topic, partition, offset }], 30_000))

/** One batch to the leader of a partition, with acks=all; again while that may help, so that it may lie there twice. */
export const produce = (
  { client }: Cluster,
  topic: string,
  partition: number,
  records: Uint8Array,
  transactionalId: string | null = null
): Promise<void> => {
  const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records }] }]
  const request = { transactionalId, acks: -1, timeoutMs: 30_000, topicData }
  const ask = Effect.flatMap(client.anyBroker, (connection) =>
    connection.ask(Produce, request, { minVersion: 7, maxVersion: 11 })
  )
  return insist(async () => {
    const { errorCode, errorMessage } = (await Effect.runPromise(ask)).responses[0]!.partitionResponses[0]!
    const refusal = refusalOf(errorCode, partitionText({ topic, partition }), errorMessage)
    if (refusal !== undefined) throw refusal
  })
}

const STEP_BYTES = 4 * 1024 * 1024

/** The batches of a partition that consumers see records of, from its start to its end, as they lie there. */
export async function* visibleBatches(
  cluster: Cluster,
  topic: string,
  partition: number
): AsyncGenerator<Uint8Array, void> {
  const [start, end] = await endsOf(cluster, topic, partition)
  for (let at = start; at < end;) {
    const request = {
      ...Fetch.request.defaults(),
      replicaId: -1,
      maxWaitMs: 1000,
      minBytes: 1,
      maxBytes: STEP_BYTES,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: [
        {
          topic,
          topicId: ZERO_UUID,
          partitions: [
            {
              partition,
              currentLeaderEpoch: -1,
              fetchOffset: at,
              lastFetchedEpoch: -1,
              logStartOffset: -1n,
              partitionMaxBytes: STEP_BYTES,
              replicaDirectoryId: ZERO_UUID,
              highWatermark: 9223372036854775807n
            }
          ]
        }
      ]
    }
    const ask = Effect.flatMap(cluster.client.anyBroker, (connection) =>
      connection.ask(Fetch, request, { maxVersion: 12, waitsMs: 1000 })
    )
    const data = (await Effect.runPromise(ask)).responses[0]!.partitions[0]!
    if (data.errorCode !== 0) throw new Error(`Fetch of ${topic}-${partition} at ${at} answers ${data.errorCode}`)
    const batches = Batch.splitBatches(Buffer.concat(data.records ?? []), { partialTail: "drop" })
    if (!Array.isArray(batches) || batches.length === 0) throw new Error(`${topic}-${partition} has nothing at ${at}`)
    const hidden = new Hidden(data.abortedTransactions)
    for (const batch of batches as ReadonlyArray<Uint8Array>) {
      if (Batch.lastOffset(batch) < at) continue
      at = Batch.lastOffset(batch) + 1n
      if (!hidden.hides(batch) && Batch.recordCount(batch) > 0) yield batch
    }
  }
}

/** What lies side by side. */
export interface Compared {
  batches: number
  records: number
  bytes: number
  readonly differences: Array<string>
}

/** Bits that say whose a batch is, and not what is in it. */
const HEADER_MASK = ~Batch.TRANSACTIONAL_MASK

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  Batch.baseOffset(a) === Batch.baseOffset(b) &&
  Batch.lastOffset(a) === Batch.lastOffset(b) &&
  (Batch.attributes(a) & HEADER_MASK) === (Batch.attributes(b) & HEADER_MASK) &&
  Batch.baseTimestamp(a) === Batch.baseTimestamp(b) &&
  Batch.maxTimestamp(a) === Batch.maxTimestamp(b) &&
  Batch.isCrcValid(b) &&
  Buffer.compare(a.subarray(Batch.RECORD_BATCH_OVERHEAD), b.subarray(Batch.RECORD_BATCH_OVERHEAD)) === 0

/**
 * Compares partitions of both logs: start, end, and every batch with records in offsets, header and bytes of records; whose
 * they are apart.
 */
export const compare = async (
  source: Cluster,
  target: Cluster,
  topic: string,
  partitions: number
): Promise<Compared> => {
  const found: Compared = { batches: 0, records: 0, bytes: 0, differences: [] }
  for (let partition = 0; partition < partitions; partition++) {
    const place = `${topic}-${partition}`
    const [there, here] = [await endsOf(source, topic, partition), await endsOf(target, topic, partition)]
    if (`${there}` !== `${here}`) found.differences.push(`${place}: ${there.join("..")} is ${here.join("..")}`)
    const [left, right] = [visibleBatches(source, topic, partition), visibleBatches(target, topic, partition)]
    for (;;) {
      const [a, b] = [await left.next(), await right.next()]
      if (a.done === true && b.done === true) break
      if (a.done === true || b.done === true || !same(a.value, b.value)) {
        const at = [a, b].map((each) => (each.done === true ? "the end" : `${Batch.baseOffset(each.value)}`))
        found.differences.push(`${place}: at ${at.join(" and ")}`)
        break
      }
      found.batches++
      found.records += Batch.recordCount(b.value)
      found.bytes += b.value.byteLength
    }
  }
  return found
}
