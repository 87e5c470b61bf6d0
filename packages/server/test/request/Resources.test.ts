import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { decodeRequest } from "@tusk/protocol/Decode"
import * as Result from "effect/Result"
import { handlers } from "../../src/handlers/index.ts"
import type { Handler } from "../../src/request/Handler.ts"
import { SENSIBLE } from "../handlers/sensible.ts"
import { forVersion, requestFrame } from "../WireClient.ts"

const topicId = "AAAAAAAAAAAAAAAAAAAAAQ"

const resourcesOf = (name: string, request: object) => {
  const { api, resources } = (handlers as ReadonlyArray<Handler>).find((handler) => handler.api.name === name)!
  return resources({ ...api.request.defaults(), ...request })
}

describe("what a request names", () => {
  it.each((handlers as ReadonlyArray<Handler>).map((handler) => [handler.api.name, handler] as const))(
    "%s: is read from every version of it",
    (name, { api, versions: [min, max] }) => {
      for (let version = min; version <= max; version++) {
        const said = SENSIBLE[name]!.request({ topicId, fresh: "f" }, version) as object
        for (const each of [{}, said]) {
          const frame = requestFrame(api, version, forVersion(api, version, each)).subarray(4)
          const { cluster, ...named } = resourcesOf(name, Result.getOrThrow(decodeRequest(frame)).body)
          assert.include([undefined, true], cluster)
          for (const names of Object.values(named)) for (const one of names) assert.isString(one)
        }
      }
    }
  )

  it("a topic by its name or by its id, a transactional id", () => {
    const topicData = [{ name: "t" }, { name: "", topicId }].map((each) => ({
      topicId: ZERO_UUID,
      partitionData: [],
      ...each
    }))
    assert.deepStrictEqual(resourcesOf("Produce", { topicData, transactionalId: "x" }), {
      topics: ["t"],
      topicIds: [topicId],
      transactionalIds: ["x"]
    })
    assert.deepStrictEqual(resourcesOf("Metadata", { topics: null }), { cluster: true })
  })

  it("groups, one or several", () => {
    assert.deepStrictEqual(resourcesOf("OffsetFetch", { groups: [{ groupId: "a" }, { groupId: "b" }] }).groups, [
      "a",
      "b"
    ])
    assert.deepStrictEqual(resourcesOf("OffsetFetch", { groupId: "a" }).groups, ["a"])
    const keys = { coordinatorKeys: [`g:with:colons:${topicId}:3`], keyType: 2 }
    assert.deepStrictEqual(resourcesOf("FindCoordinator", keys).groups, ["g:with:colons"])
    assert.deepStrictEqual(resourcesOf("FindCoordinator", { key: "x", keyType: 1 }).transactionalIds, ["x"])
  })

  it("a topic, a group, or what is the cluster's, of those that have configs", () => {
    const resources = [
      { resourceType: 2, resourceName: "t" },
      { resourceType: 32, resourceName: "g" }
    ]
    assert.deepStrictEqual(resourcesOf("DescribeConfigs", { resources }), { topics: ["t"], groups: ["g"] })
    const broker = { resourceType: 4, resourceName: "1" }
    assert.isTrue(resourcesOf("DescribeConfigs", { resources: [...resources, broker] }).cluster)
  })
})
