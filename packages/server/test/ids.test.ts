import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { StructPlan, TypePlan } from "@tusk/protocol/codec/Ir"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import type { Handler } from "../src/request/Handler.ts"
import { handlers } from "../src/handlers/index.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { SENSIBLE } from "./handlers/sensible.ts"
import { checkedStore } from "./Stores.ts"
import { forVersion } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const INVALID_GROUP_ID = 24
const INVALID_REQUEST = 42
const FRESH = "fresh"
const MEMBER_IDS = ["memberId"]
const INSTANCE_IDS = ["groupInstanceId", "instanceId"]

/** Some texts too long: as they are, in UTF-8, and as they are stored. */
const tooLong = (maxBytes: number) => ["x".repeat(maxBytes + 1), "é".repeat(maxBytes), "\0".repeat(maxBytes - 1)]

const all: ReadonlyArray<Handler> = handlers
/** APIs with requests that name a group, in one way or another. */
const ofGroups = all.filter(({ api }) => {
  const request = JSON.stringify(SENSIBLE[api.name]!.request({ topicId: "", fresh: FRESH }, api.maxVersion), plain)
  return api.name !== "FindCoordinator" && /"(group\w*)":/i.test(request) && api.name !== "ListGroups"
})

function plain(_name: string, value: unknown) {
  return typeof value === "bigint" ? String(value) : value
}

/** The request with every id of these names, and every group, as `change` has it. */
const changed = (value: any, change: (name: string, value: unknown) => unknown): any => {
  if (Array.isArray(value)) return value.map((each) => changed(each, change))
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (Array.isArray(each) && each.every((one) => typeof one === "string")) {
        return [name, each.map((one) => change(name, one))]
      }
      return [name, typeof each === "object" ? changed(each, change) : change(name, each)]
    })
  )
}
const GROUPS = [FRESH, "kept"]
const withGroup = (groupId: string) => (_name: string, value: unknown) =>
  GROUPS.includes(value as string) ? groupId : value

const fieldsOf = ({ fields }: StructPlan): ReadonlyArray<string> =>
  fields.flatMap(({ name, place, type }) => (place === "absent" ? [] : [name, ...fieldsIn(type)]))
const fieldsIn = (type: TypePlan): ReadonlyArray<string> => {
  if (type.kind === "struct") return fieldsOf(type.struct)
  return type.kind === "array" ? fieldsIn(type.of) : []
}
/** Whether the API's request has such a field in this version. */
const hasField = ({ api }: Handler, version: number, names: ReadonlyArray<string>): boolean =>
  fieldsOf(api.request.plan(version)).some((name) => names.includes(name))

describe("ids that are too long", () => {
  const { refused, store } = checkedStore()
  let broker: BrokerUnderTest
  let client: WireClient
  let topicId: string

  beforeAll(async () => {
    broker = await startBroker({}, { store })
    client = await broker.connect()
    topicId = await broker.createTopic("there")
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  const ask = async (handler: Handler, version: number, request: object): Promise<string> => {
    const { api } = handler
    const answer = await client.call<any, any>(api, version, forVersion<any, any>(api, version, request))
    assert.deepStrictEqual(refused, [], "written to the store")
    return JSON.stringify(answer, plain)
  }
  const sensible = ({ api }: Handler, version: number) =>
    SENSIBLE[api.name]!.request({ topicId, fresh: FRESH }, version)

  it("every API that names groups is looked at", () => {
    const named = /Group|^Heartbeat$|Offset(Commit|Fetch|Delete|sToTxn)|Share(Fetch|Acknowledge)/
    assert.sameMembers(
      ofGroups.map(({ api }) => api.name),
      all.map(({ api }) => api.name).filter((name) => named.test(name) && name !== "ListGroups")
    )
  })

  it.each(ofGroups.map(({ api }) => api.name))("%s: a group's, by INVALID_GROUP_ID", async (name) => {
    const handler = ofGroups.find(({ api }) => api.name === name)!
    for (const version of new Set(handler.versions)) {
      for (const groupId of tooLong(1024)) {
        const answer = await ask(handler, version, changed(sensible(handler, version), withGroup(groupId)))
        assert.include(answer, `"errorCode":${INVALID_GROUP_ID}`, `version ${version}`)
      }
    }
  })

  const withMembers = ofGroups.filter((handler) => hasField(handler, handler.versions[1], MEMBER_IDS))
  it.each(withMembers.map(({ api }) => api.name))("%s: a member's, by INVALID_REQUEST", async (name) => {
    const handler = withMembers.find(({ api }) => api.name === name)!
    for (const version of new Set(handler.versions)) {
      if (!hasField(handler, version, MEMBER_IDS)) continue
      for (const memberId of tooLong(512)) {
        const request = withField(sensible(handler, version), name, "memberId", memberId)
        assert.include(await ask(handler, version, request), `"errorCode":${INVALID_REQUEST}`, `version ${version}`)
      }
    }
  })

  const withInstances = ofGroups.filter((handler) => hasField(handler, handler.versions[1], INSTANCE_IDS))
  it.each(withInstances.map(({ api }) => api.name))("%s: a static member's, by INVALID_REQUEST", async (name) => {
    const handler = withInstances.find(({ api }) => api.name === name)!
    const [, version] = handler.versions
    const field = INSTANCE_IDS.find((each) => hasField(handler, version, [each]))!
    for (const instanceId of tooLong(249)) {
      const request = withField(sensible(handler, version), name, field, instanceId)
      assert.include(await ask(handler, version, request), `"errorCode":${INVALID_REQUEST}`)
    }
  })

  it("the members that leave together each have an error of their own", async () => {
    const members = ["m", "x".repeat(600), "n"].map((memberId) => ({ memberId }))
    const left = await client.call(LeaveGroup, 5, { groupId: "nobody", members })
    assert.deepStrictEqual(
      left.members.map(({ errorCode }) => errorCode),
      [25, INVALID_REQUEST, 25]
    )
  })

  it("a group's configs are under a name that a group can have", async () => {
    for (const resourceName of tooLong(1024)) {
      const altered = await client.call(IncrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType: 32,
            resourceName,
            configs: [{ name: "consumer.session.timeout.ms", configOperation: 0, value: "45000" }]
          }
        ]
      })
      const { results } = await client.call(DescribeConfigs, 4, {
        resources: [{ resourceType: 32, resourceName, configurationKeys: null }]
      })
      assert.deepStrictEqual([altered.responses[0]!.errorCode, results[0]!.errorCode], [24, 24])
    }
    assert.deepStrictEqual(refused, [])
  })

  it("a group and a member with the longest of ids are as good as any", async () => {
    const groupId = "\0".repeat(512)
    const groupInstanceId = "i".repeat(249)
    const joining = {
      groupId,
      groupInstanceId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array(0) }]
    }
    const joined = await client.call(JoinGroup, 9, joining)
    assert.strictEqual(joined.errorCode, 0)
    const { generationId, memberId } = joined
    const synced = await client.call(SyncGroup, 5, {
      groupId,
      generationId,
      memberId,
      groupInstanceId,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName,
      assignments: [{ memberId, assignment: new Uint8Array(1) }]
    })
    assert.strictEqual(synced.errorCode, 0)
    const names = ["ConsumerGroupHeartbeat", "ShareGroupHeartbeat", "StreamsGroupHeartbeat"]
    for (const handler of ofGroups.filter(({ api }) => names.includes(api.name))) {
      const { name } = handler.api
      const id = `${name}/${"g".repeat(1023 - name.length)}`
      const [, version] = handler.versions
      const request = withField(changed(sensible(handler, version), withGroup(id)), name, "memberId", "m".repeat(512))
      assert.include(await ask(handler, version, request), `"errorCode":0`, name)
    }
    const { groups } = await client.call(ListGroups, 5, {})
    assert.lengthOf(
      groups.filter((group) => group.groupId.length >= 512),
      4
    )
    assert.deepStrictEqual(refused, [])
  })

  it("tusk.group.id.max.bytes says what is too long", async () => {
    await using strict = await startBroker({ groupIdMaxBytes: 5 })
    const member = await strict.connect()
    const beat = { memberEpoch: 0, memberId: "m", subscribedTopicNames: ["t"] }
    const { ShareGroupHeartbeat } = await import("@tusk/protocol/messages/ShareGroupHeartbeat")
    const codes = []
    for (const groupId of ["short", "longer"]) {
      codes.push((await member.call(ShareGroupHeartbeat, 1, { groupId, ...beat })).errorCode)
    }
    assert.deepStrictEqual(codes, [0, INVALID_GROUP_ID])
  })
})

/** The field where this API's request has it: for itself, for its first member, or for its first group. */
function withField(request: any, name: string, field: string, id: string): object {
  if (name === "LeaveGroup") {
    return { ...request, [field]: id, members: request.members.map((member: object) => ({ ...member, [field]: id })) }
  }
  if (name === "OffsetFetch") {
    return { ...request, groups: request.groups.map((group: object) => ({ ...group, memberEpoch: 1, [field]: id })) }
  }
  return { ...request, [field]: id }
}
