/** What a producer of transactions may do, and who may know of it. */
import { assert, describe, it } from "@effect/vitest"
import { AddOffsetsToTxn } from "@tusk/protocol/messages/AddOffsetsToTxn"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { DescribeTransactions } from "@tusk/protocol/messages/DescribeTransactions"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import { TxnOffsetCommit } from "@tusk/protocol/messages/TxnOffsetCommit"
import { WriteTxnMarkers } from "@tusk/protocol/messages/WriteTxnMarkers"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const started = async () => {
  const rights = new Rights()
  const broker = await startBroker({}, { authorizer: rights })
  for (const name of ["open", "secret"]) await broker.createTopic(name)
  return { rights, broker, client: await broker.connect() }
}

const init = (client: WireClient, transactionalId: string | null = "tx") =>
  client.call(InitProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })

const add = async (
  client: WireClient,
  { producerEpoch, producerId }: { readonly producerId: bigint; readonly producerEpoch: number },
  names: ReadonlyArray<string>,
  version = 3
) => {
  const { resultsByTopicV3AndBelow } = await client.call(AddPartitionsToTxn, version, {
    v3AndBelowTransactionalId: "tx",
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: names.map((name) => ({ name, partitions: [0] }))
  })
  return resultsByTopicV3AndBelow.map(({ resultsByPartition }) => resultsByPartition[0]!.partitionErrorCode)
}

describe("InitProducerId", () => {
  it("asks for the transactional id, or for one topic to write to, or all of the cluster's (KIP-679)", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    rights.only("write transactionalId tx")
    assert.strictEqual((await init(client)).errorCode, 0)
    assert.deepInclude(await init(client, "other"), { errorCode: 53, producerId: -1n, producerEpoch: -1 })
    assert.deepInclude(await init(client, null), { errorCode: 31, producerId: -1n, producerEpoch: -1 })
    assert.deepStrictEqual(rights.askedQuietly, ["idempotentWrite cluster kafka-cluster", "write topic *"])
    rights.only("idempotentWrite cluster kafka-cluster")
    assert.strictEqual((await init(client, null)).errorCode, 0)
    rights.only("write topic *")
    assert.strictEqual((await init(client, null)).errorCode, 0)
  })
})

describe("a transaction", () => {
  it("takes partitions of topics that one may write to, all or none, and never those of the coordinators", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const producer = await init(client)
    rights.only("write transactionalId tx", "write topic open")
    for (const version of [0, 3]) {
      assert.deepStrictEqual(await add(client, producer, ["open", "secret", "none"], version), [55, 29, 29])
      assert.deepStrictEqual(await add(client, producer, ["open"], version), [0])
    }
    rights.only("write topic open")
    assert.deepStrictEqual(await add(client, producer, ["open", "secret"]), [53, 53])
    rights.allow(() => true)
    assert.deepStrictEqual(await add(client, producer, ["__consumer_offsets", "none", "open"]), [29, 3, 55])
  })

  it("is asked about by brokers alone, from version 4 on", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const { producerEpoch, producerId } = await init(client)
    const topics = [{ name: "open", partitions: [0] }]
    const request = { transactions: [{ transactionalId: "tx", producerId, producerEpoch, verifyOnly: false, topics }] }
    rights.only("clusterAction cluster kafka-cluster")
    const done = await client.call(AddPartitionsToTxn, 5, request)
    assert.strictEqual(done.resultsByTransaction[0]!.topicResults[0]!.resultsByPartition[0]!.partitionErrorCode, 0)
    rights.without("clusterAction cluster kafka-cluster")
    const refused = await client.call(AddPartitionsToTxn, 5, request)
    assert.deepInclude(refused, { errorCode: 31, resultsByTransaction: [] })
  })

  it("takes offsets of a group that one may read, in topics that one may read, and is ended by whom it belongs to", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const { producerEpoch, producerId } = await init(client)
    const producer = { transactionalId: "tx", producerId, producerEpoch }
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: "" }]
    const offsets = async (version: number) => {
      const topics = ["secret", "open", "none"].map((name) => ({ name, partitions }))
      const answer = await client.call(TxnOffsetCommit, version, { ...producer, groupId: "g", topics })
      return answer.topics.map(({ name, partitions }) => [name, partitions[0]!.errorCode])
    }
    const addGroup = async () => (await client.call(AddOffsetsToTxn, 3, { ...producer, groupId: "g" })).errorCode
    rights.only("write transactionalId tx")
    assert.strictEqual(await addGroup(), 30)
    rights.only("read group g")
    assert.strictEqual(await addGroup(), 53)
    rights.only("read group g", "write transactionalId tx", "read topic open")
    assert.strictEqual(await addGroup(), 0)
    for (const version of [0, 3, 4]) {
      assert.deepStrictEqual(await offsets(version), [
        ["secret", 29],
        ["none", 29],
        ["open", 0]
      ])
    }
    rights.only("write transactionalId tx", "read topic open")
    const all = ["secret", "open", "none"]
    assert.deepStrictEqual(
      await offsets(3),
      all.map((name) => [name, 30])
    )
    rights.only("read group g", "read topic open", "describe transactionalId tx")
    assert.deepStrictEqual(
      await offsets(3),
      all.map((name) => [name, 53])
    )
    for (const version of [0, 4, 5]) {
      const refused = await client.call(EndTxn, version, { ...producer, committed: true })
      assert.deepInclude(refused, { errorCode: 53, producerId: -1n, producerEpoch: -1 })
    }
    rights.only("write transactionalId tx")
    assert.strictEqual((await client.call(EndTxn, 4, { ...producer, committed: true })).errorCode, 0)
  })

  it("is told to whom may describe its id, with the topics that one may describe", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const producer = await init(client)
    await init(client, "other")
    assert.deepStrictEqual(await add(client, producer, ["open", "secret"]), [0, 0])
    rights.only("describe transactionalId tx", "describe transactionalId none", "describe topic open")
    const asked = { transactionalIds: ["tx", "other", "none"] }
    const { transactionStates } = await client.call(DescribeTransactions, 0, asked)
    assert.deepStrictEqual(
      transactionStates.map(({ errorCode, topics, transactionState, transactionalId }) => [
        transactionalId,
        errorCode,
        transactionState,
        topics.map(({ topic }) => topic)
      ]),
      [
        ["tx", 0, "Ongoing", ["open"]],
        ["other", 53, "", []],
        ["none", 105, "", []]
      ]
    )
    const listed = await client.call(ListTransactions, 1, {})
    assert.deepStrictEqual(
      listed.transactionStates.map(({ transactionalId }) => transactionalId),
      ["tx"]
    )
  })
})

describe("WriteTxnMarkers", () => {
  it("is for brokers, and for those who may alter the cluster", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const topics = [{ name: "open", partitionIndexes: [0] }]
    const code = async () => {
      const markers = [{ producerId: 7n, producerEpoch: 0, transactionResult: false, topics }]
      const answer = await client.call(WriteTxnMarkers, 1, { markers })
      return answer.markers[0]!.topics[0]!.partitions[0]!.errorCode
    }
    for (const right of ["alter", "clusterAction"] as const) {
      rights.only(`${right} cluster kafka-cluster`)
      assert.notStrictEqual(await code(), 31)
    }
    rights.allow((asked) => !/ cluster /.test(asked))
    assert.strictEqual(await code(), 31)
    assert.deepStrictEqual([rights.askedQuietly, rights.asked].flat(), [
      "alter cluster kafka-cluster",
      "clusterAction cluster kafka-cluster"
    ])
  })
})
