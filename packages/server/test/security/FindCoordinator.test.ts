import { assert, describe, it } from "@effect/vitest"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { startBroker } from "../BrokerUnderTest.ts"
import { Rights } from "./Rights.ts"

const [GROUP, TRANSACTION, SHARE] = [0, 1, 2]

describe("FindCoordinator", () => {
  it("tells of what one may describe, key by key", async () => {
    const rights = new Rights()
    await using broker = await startBroker({}, { authorizer: rights })
    const client = await broker.connect()
    rights.only("describe group mine", "describe transactionalId mine")
    const found = async (keyType: number, ...coordinatorKeys: ReadonlyArray<string>) => {
      const { coordinators } = await client.call(FindCoordinator, 6, { keyType, coordinatorKeys })
      return coordinators.map(({ errorCode, host, key, nodeId, port }) => [
        key,
        errorCode,
        nodeId,
        host !== "",
        port > 0
      ])
    }
    assert.deepStrictEqual(await found(GROUP, "theirs", "mine"), [
      ["theirs", 30, -1, false, false],
      ["mine", 0, 1, true, true]
    ])
    assert.deepStrictEqual(await found(TRANSACTION, "mine", "theirs"), [
      ["mine", 0, 1, true, true],
      ["theirs", 53, -1, false, false]
    ])
    const old = await client.call(FindCoordinator, 1, { keyType: TRANSACTION, key: "theirs" })
    assert.deepInclude(old, {
      errorCode: 53,
      errorMessage: "Transactional Id authorization failed.",
      nodeId: -1,
      host: ""
    })
    assert.deepInclude(await client.call(FindCoordinator, 3, { keyType: GROUP, key: "mine" }), {
      errorCode: 0,
      nodeId: 1
    })
  })

  it("tells brokers alone of partitions of share groups, and from version 6 on", async () => {
    const rights = new Rights()
    await using broker = await startBroker({}, { authorizer: rights })
    const client = await broker.connect()
    const asked = { keyType: SHARE, coordinatorKeys: ["g:AAAAAAAAAAAAAAAAAAAABA:0", "h:AAAAAAAAAAAAAAAAAAAABA:0"] }
    const codes = async (version: number) => {
      const { coordinators } = await client.call(FindCoordinator, version, asked)
      return coordinators.map(({ errorCode }) => errorCode)
    }
    assert.deepStrictEqual(await codes(6), [0, 0])
    assert.deepStrictEqual(await codes(5), [42, 42])
    rights.without("clusterAction cluster kafka-cluster")
    assert.deepStrictEqual(await codes(6), [31, 31])
  })
})
