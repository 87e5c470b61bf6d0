/** APIs of what is not configured: as Apache Kafka 4.3.1 without authorizer, quotas, credentials, transactions. */
import { assert, describe, it } from "@effect/vitest"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import { DescribeClientQuotas } from "@tusk/protocol/messages/DescribeClientQuotas"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import { startBroker } from "../BrokerUnderTest.ts"

describe("what is not configured", () => {
  it("access rules: SECURITY_DISABLED", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const version of [0, 1, 2, 3]) {
      const any = { resourceTypeFilter: 1, operation: 1, permissionType: 1 }
      const { errorCode, resources } = await client.call(DescribeAcls, version, { ...any, patternTypeFilter: 3 })
      assert.deepStrictEqual([errorCode, resources], [54, []])
    }
  })

  it("quotas: none, and a filter is looked at", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const ask = async (...components: ReadonlyArray<readonly [string, number, string | null]>) => {
      const { entries, errorCode } = await client.call(DescribeClientQuotas, 1, {
        components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
      })
      return entries === null ? errorCode : entries
    }
    assert.deepStrictEqual(await ask(), [])
    assert.deepStrictEqual(await ask(["user", 0, "a"], ["client-id", 1, null]), [])
    assert.strictEqual(await ask(["nope", 1, null]), 35)
    assert.strictEqual(await ask(["", 1, null]), 42)
    assert.strictEqual(await ask(["user", 2, null], ["user", 2, null]), 42)
    assert.strictEqual(await ask(["user", 7, null]), 42)
    assert.strictEqual(await ask(["user", 0, null]), 42)
    assert.strictEqual(await ask(["user", 1, "x"]), 42)
    assert.strictEqual(await ask(["user", 2, null], ["ip", 2, null]), 42)
  })

  it("SCRAM credentials: none for all, 91 for a user by name, 92 for one named twice", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const ask = async (names: ReadonlyArray<string> | null) => {
      const users = names === null ? null : names.map((name) => ({ name }))
      const { errorCode, results } = await client.call(DescribeUserScramCredentials, 0, { users })
      assert.strictEqual(errorCode, 0)
      return results.map(({ errorCode, user }) => [user, errorCode])
    }
    assert.deepStrictEqual(await ask(null), [])
    assert.deepStrictEqual(await ask([]), [])
    assert.deepStrictEqual(await ask(["a", "b", "b"]), [
      ["a", 91],
      ["b", 92]
    ])
  })

  it("moves of partitions: none", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    for (const topics of [null, [{ name: "t", partitionIndexes: [0, 7] }]]) {
      const answer = await client.call(ListPartitionReassignments, 0, { topics })
      assert.deepStrictEqual([answer.errorCode, answer.topics], [0, []])
    }
  })

  it("transactions: none; unknown states are told, a pattern has to be one", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const stateFilters = ["Ongoing", "nope", ""]
    const answer = await client.call(ListTransactions, 1, { stateFilters, producerIdFilters: [7n], durationFilter: 5n })
    assert.deepStrictEqual(
      [answer.errorCode, answer.unknownStateFilters, answer.transactionStates],
      [0, ["nope", ""], []]
    )
    const code = async (transactionalIdPattern: string | null) =>
      (await client.call(ListTransactions, 2, { transactionalIdPattern })).errorCode
    assert.deepStrictEqual([await code(null), await code("a.*"), await code("a(")], [0, 0, 128])
  })
})
