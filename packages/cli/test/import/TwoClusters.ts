/** Two brokers in this process, and what a test does with them. */
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import { makeKafkaClient } from "@tusk/client/KafkaClient"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { parseBootstrap } from "../../src/values/Bootstrap.ts"
import { at } from "../../src/import/Sides.ts"
import type { Address } from "@tusk/client/Transport"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Produce } from "@tusk/protocol/messages/Produce"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord, EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { runCommandHere } from "../RunCommand.ts"
import type { Ran, RunOptions } from "../RunCommand.ts"

/** A broker, and a client of it. */
export interface Cluster {
  readonly broker: TestBroker
  readonly client: KafkaClient["Service"]
  readonly run: <A, E>(effect: Effect.Effect<A, E, KafkaClient>) => Promise<A>
}

export class TwoClusters implements AsyncDisposable {
  readonly source: Cluster
  readonly target: Cluster
  readonly #scope: Scope.Closeable

  constructor(source: Cluster, target: Cluster, scope: Scope.Closeable) {
    this.source = source
    this.target = target
    this.#scope = scope
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<TwoClusters> {
    const scope = Scope.makeUnsafe()
    const cluster = async (): Promise<Cluster> => {
      const broker = await start({ settings: { "num.partitions": "1", ...settings } })
      const client = await Effect.runPromise(
        makeKafkaClient({
          bootstrap: parseBootstrap(broker.bootstrapServers) as ReadonlyArray<Address>,
          clientId: "test",
          softwareVersion: "0",
          requestTimeoutMs: 10_000,
          retryMs: 10_000
        }).pipe(Effect.provide(nodeTransport), Scope.provide(scope))
      )
      return { broker, client, run: (effect) => Effect.runPromise(at(client, effect)) }
    }
    return new TwoClusters(await cluster(), await cluster(), scope)
  }

  /** `tusk import` from the one into the other. */
  import(args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Ran> {
    const { source, target } = this
    return runCommandHere(
      ["import", "--from", source.broker.bootstrapServers, "-b", target.broker.bootstrapServers, ...args],
      options
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Effect.runPromise(Scope.close(this.#scope, Exit.void))
    await Promise.all([this.source.broker.stop(), this.target.broker.stop()])
  }
}

/** Produces a batch; the code of the answer. */
export const produce = async (
  { client }: Cluster,
  topic: string,
  records: Uint8Array,
  {
    partition = 0,
    transactionalId = null
  }: { readonly partition?: number; readonly transactionalId?: string | null } = {}
): Promise<number> => {
  const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records }] }]
  const request = { transactionalId, acks: -1, timeoutMs: 10_000, topicData }
  const ask = Effect.flatMap(client.anyBroker, (connection) =>
    connection.ask(Produce, request, { minVersion: 3, maxVersion: 11 })
  )
  const answer = await Effect.runPromise(ask)
  return answer.responses[0]!.partitionResponses[0]!.errorCode
}

export const batchOf = (values: ReadonlyArray<string>, options: EncodeOptions = {}): Uint8Array =>
  Batch.encodeBatch(
    values.map((value) => ({ timestamp: 1_000_000n, key: Buffer.from(value), value: Buffer.from(`v ${value}`) })),
    options
  )

/** Batches of a partition from its start on, aborted ones too. */
export const batchesOf = async (
  { client }: Cluster,
  topic: string,
  from = 0n,
  partition = 0
): Promise<ReadonlyArray<Uint8Array>> => {
  const request = {
    ...Fetch.request.defaults(),
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 26,
    isolationLevel: 0,
    topics: [
      {
        topic,
        topicId: ZERO_UUID,
        partitions: [
          {
            partition,
            currentLeaderEpoch: -1,
            fetchOffset: from,
            lastFetchedEpoch: -1,
            logStartOffset: -1n,
            partitionMaxBytes: 1 << 26,
            replicaDirectoryId: ZERO_UUID,
            highWatermark: 9223372036854775807n
          }
        ]
      }
    ]
  }
  const ask = Effect.flatMap(client.anyBroker, (connection) => connection.ask(Fetch, request, { maxVersion: 12 }))
  const answer = await Effect.runPromise(ask)
  return Batch.splitBatches(
    Buffer.concat(answer.responses[0]!.partitions[0]!.records ?? [])
  ) as ReadonlyArray<Uint8Array>
}

/** Records that consumers see, as text: offset, time and value. */
export const recordsOf = async (cluster: Cluster, topic: string, from = 0n, partition = 0) =>
  (await batchesOf(cluster, topic, from, partition)).flatMap((batch) =>
    Batch.isControl(batch)
      ? []
      : (Batch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 }) as ReadonlyArray<DecodedRecord>).map(
          ({ offset, timestamp, value }) => `${offset} ${timestamp} ${value === null ? "null" : Buffer.from(value)}`
        )
  )
