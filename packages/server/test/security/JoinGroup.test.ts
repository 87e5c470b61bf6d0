/** Members of classic groups whose rights change while they are members. */
import { assert, describe, it } from "@effect/vitest"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import { startBroker } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const FORBIDDEN = 30
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

const join = async (client: WireClient, memberId = "") => {
  const request = {
    groupId: "g",
    memberId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: bytes("m") }]
  }
  const told = await client.call(JoinGroup, 9, request)
  return told.errorCode === 79 ? client.call(JoinGroup, 9, { ...request, memberId: told.memberId }) : told
}

const sync = (client: WireClient, generationId: number, memberId: string, assigned: ReadonlyArray<string> = []) =>
  client.call(SyncGroup, 5, {
    groupId: "g",
    generationId,
    memberId,
    protocolType: "consumer",
    protocolName: "range",
    assignments: assigned.map((id) => ({ memberId: id, assignment: bytes(id) }))
  })

const beat = async (client: WireClient, generationId: number, memberId: string) =>
  (await client.call(Heartbeat, 4, { groupId: "g", generationId, memberId })).errorCode

describe("a member that loses the right to read its group", () => {
  it("is refused from its next request on, stays a member until its session ends, and goes on once it may again", async () => {
    const rights = new Rights()
    await using broker = await startBroker({}, { authorizer: rights })
    const client = await broker.connect()
    const { memberId } = await join(client)
    assert.strictEqual((await sync(client, 1, memberId, [memberId])).errorCode, 0)
    assert.strictEqual(await beat(client, 1, memberId), 0)

    rights.without("read group g")
    assert.strictEqual(await beat(client, 1, memberId), FORBIDDEN)
    const refused = await join(client, memberId)
    assert.deepInclude(refused, {
      errorCode: FORBIDDEN,
      memberId: "",
      generationId: -1,
      protocolName: null,
      members: []
    })
    assert.deepInclude(await sync(client, 1, memberId), {
      errorCode: FORBIDDEN,
      protocolType: null,
      protocolName: null
    })
    const left = await client.call(LeaveGroup, 5, { groupId: "g", members: [{ memberId }] })
    assert.deepInclude(left, { errorCode: FORBIDDEN, members: [] })

    rights.allow(() => true)
    assert.strictEqual(await beat(client, 1, memberId), 0, "it did not leave")
  })

  it("is told the end of a rebalance that it waits for, and refused after that", async () => {
    const rights = new Rights()
    await using broker = await startBroker({ groupInitialRebalanceDelayMs: 500 }, { authorizer: rights })
    const client = await broker.connect()
    const joining = join(client)
    // Twice: with an empty id, and with the one that it was told.
    while (rights.asked.length < 2) await broker.serves()
    rights.only()
    const joined = await within(joining, "the end of the rebalance")
    assert.deepInclude(joined, { errorCode: 0, generationId: 1 })
    assert.strictEqual((await sync(client, 1, joined.memberId, [joined.memberId])).errorCode, FORBIDDEN)
  })

  it("by a row of the ACLs, and may go on once the row is gone", async () => {
    await using broker = await startBroker({ authorizerClassName: "tusk", allowEveryoneIfNoAclFound: true })
    const [client, admin] = [await broker.connect(), await broker.connect()]
    const { memberId } = await join(client)
    await sync(client, 1, memberId, [memberId])
    const [GROUP, LITERAL, READ, DENY, ANY] = [3, 3, 3, 2, 1]
    const creation = {
      resourceType: GROUP,
      resourceName: "g",
      resourcePatternType: LITERAL,
      principal: "User:ANONYMOUS",
      host: "*",
      operation: READ,
      permissionType: DENY
    }
    assert.strictEqual((await admin.call(CreateAcls, 3, { creations: [creation] })).results[0]!.errorCode, 0)
    assert.strictEqual(await beat(client, 1, memberId), FORBIDDEN)
    const filters = [
      {
        resourceTypeFilter: GROUP,
        resourceNameFilter: "g",
        patternTypeFilter: LITERAL,
        principalFilter: null,
        hostFilter: null,
        operation: ANY,
        permissionType: ANY
      }
    ]
    const { filterResults } = await admin.call(DeleteAcls, 3, { filters })
    assert.lengthOf(filterResults[0]!.matchingAcls, 1)
    assert.strictEqual(await beat(client, 1, memberId), 0)
  })
})
