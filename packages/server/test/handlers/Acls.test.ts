/** CreateAcls, DeleteAcls and DescribeAcls, as Apache Kafka 4.3.1 with its StandardAuthorizer: `npm run test:security-tools` compares. */
import { assert, describe, it } from "@effect/vitest"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type { Settings } from "../../src/config/Settings.ts"
import { brokerInTestTime, startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const SUPER: Partial<Settings> = { authorizerClassName: "tusk", superUsers: "User:ANONYMOUS" }
/** Whom nothing is allowed by name; what no row is about, everybody may do. */
const OPEN: Partial<Settings> = { authorizerClassName: "tusk", allowEveryoneIfNoAclFound: true }

const acl = (some: object = {}) => ({
  resourceType: 2,
  resourceName: "orders",
  resourcePatternType: 3,
  principal: "User:a",
  host: "*",
  operation: 3,
  permissionType: 3,
  ...some
})
const filter = (some: object = {}) => ({
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
  ...some
})

const create = async (client: WireClient, ...creations: ReadonlyArray<object>) => {
  const { results } = await client.call(CreateAcls, 3, { creations })
  return results.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])
}
const names = async (client: WireClient, some: object = {}) => {
  const { errorCode, resources } = await client.call(DescribeAcls, 3, filter(some))
  assert.strictEqual(errorCode, 0)
  return resources.map(({ resourceName }) => resourceName)
}

const CREATED = [0, ""]

describe("ACLs over the wire", () => {
  it("are refused in Kafka's words without an authorizer", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    assert.deepStrictEqual(await create(client, acl(), acl()), [
      [54, "No Authorizer is configured."],
      [54, "No Authorizer is configured."]
    ])
    const { filterResults } = await client.call(DeleteAcls, 3, { filters: [filter()] })
    assert.deepStrictEqual(filterResults, [
      { errorCode: 54, errorMessage: "No Authorizer is configured.", matchingAcls: [] }
    ])
    const described = await client.call(DescribeAcls, 3, filter())
    assert.deepStrictEqual(
      [described.errorCode, described.errorMessage],
      [54, "No Authorizer is configured on the broker"]
    )
  })

  it("are created once, described by their patterns, and deleted", async () => {
    await using broker = await startBroker(SUPER)
    const client = await broker.connect()
    const prefixed = acl({
      resourceName: "ord",
      resourcePatternType: 4,
      operation: 2,
      permissionType: 2,
      host: "10.0.0.1"
    })
    assert.deepStrictEqual(await create(client, acl(), prefixed, acl()), [CREATED, CREATED, CREATED])
    assert.deepStrictEqual(await create(client, acl({ principal: "Group:g" }), acl()), [CREATED, CREATED])
    const row = (principal: string, host: string, operation: number, permissionType: number) => ({
      principal,
      host,
      operation,
      permissionType
    })
    const described = await client.call(DescribeAcls, 3, filter())
    assert.deepStrictEqual([described.errorCode, described.errorMessage], [0, ""])
    assert.deepStrictEqual(described.resources, [
      { resourceType: 2, resourceName: "ord", patternType: 4, acls: [row("User:a", "10.0.0.1", 2, 2)] },
      {
        resourceType: 2,
        resourceName: "orders",
        patternType: 3,
        acls: [row("Group:g", "*", 3, 3), row("User:a", "*", 3, 3)]
      }
    ])
    const { filterResults } = await client.call(DeleteAcls, 3, {
      filters: [
        filter({ principalFilter: "User:a" }),
        filter({ patternTypeFilter: 4 }),
        filter({ hostFilter: "nowhere" })
      ]
    })
    // What an earlier filter deletes, a later one of the same request finds, too.
    assert.deepStrictEqual(
      filterResults.map(({ errorCode, matchingAcls }) => [
        errorCode,
        matchingAcls.map(({ resourceName }) => resourceName)
      ]),
      [
        [0, ["ord", "orders"]],
        [0, ["ord"]],
        [0, []]
      ]
    )
    assert.deepStrictEqual(await names(client), ["orders"])
  })

  it.each<readonly [object, string]>([
    [{ resourceType: 4 }, "The only valid name for the CLUSTER resource is kafka-cluster"],
    [{ resourceType: 4, resourceName: "" }, "The only valid name for the CLUSTER resource is kafka-cluster"],
    [{ resourceName: "" }, "Invalid empty resource name"],
    [{ resourceType: 99, resourcePatternType: 9, operation: 99, permissionType: 9 }, "Invalid resourceType UNKNOWN"],
    [{ resourcePatternType: 9, operation: 99, permissionType: 9, principal: "" }, "Invalid patternType UNKNOWN"],
    [{ operation: 99, permissionType: 9, principal: "" }, "Invalid operation UNKNOWN"],
    [{ permissionType: -1, principal: "" }, "Invalid permissionType UNKNOWN"],
    [
      { principal: "a" },
      "Could not parse principal from `a` (no colon is present separating the principal type from the principal name)"
    ]
  ])("%j is INVALID_REQUEST, and what stands beside it is created", async (odd, message) => {
    await using broker = await startBroker(SUPER)
    const client = await broker.connect()
    assert.deepStrictEqual(await create(client, acl(odd), acl()), [[42, message], CREATED])
    assert.deepStrictEqual(await names(client), ["orders"])
  })

  it.each([
    { resourceType: 1 },
    { resourcePatternType: 1 },
    { resourcePatternType: 2 },
    { operation: 1 },
    { permissionType: 1 }
  ])("%j, which only a filter may say, fails all of the request", async (odd) => {
    await using broker = await startBroker(SUPER)
    const client = await broker.connect()
    const results = await create(client, acl(), acl(odd))
    assert.deepStrictEqual(results, [
      [-1, null],
      [-1, null]
    ])
    assert.deepStrictEqual(await names(client), [])
  })

  it("that say UNKNOWN themselves cost the connection, as what cannot be read", async () => {
    await using broker = await startBroker(SUPER)
    for (const odd of [{ resourceType: 0 }, { resourcePatternType: 0 }, { operation: 0 }, { permissionType: 0 }]) {
      const client = await broker.connect()
      await client.call(CreateAcls, 3, { creations: [acl(odd)] }).catch(() => {})
      await client.closed
    }
    for (const odd of [{ resourceTypeFilter: 0 }, { patternTypeFilter: 0 }, { operation: 0 }, { permissionType: 0 }]) {
      const deleting = await broker.connect()
      await deleting.call(DeleteAcls, 3, { filters: [filter(odd)] }).catch(() => {})
      await deleting.closed
      const describing = await broker.connect()
      await describing.call(DescribeAcls, 3, filter(odd)).catch(() => {})
      await describing.closed
    }
    assert.deepStrictEqual(await names(await broker.connect()), [])
  })

  it("are found by filters: any, match, and each type of pattern", async () => {
    await using broker = await startBroker(SUPER)
    const client = await broker.connect()
    const prefix = { resourcePatternType: 4 }
    await create(
      client,
      acl({ resourceName: "*" }),
      acl({ resourceName: "orders" }),
      acl({ resourceName: "ord", ...prefix }),
      acl({ resourceName: "orders", ...prefix }),
      acl({ resourceName: "other", ...prefix }),
      acl({ resourceName: "orders", resourceType: 3 })
    )
    const of = (patternTypeFilter: number, resourceNameFilter: string | null) =>
      names(client, { resourceTypeFilter: 2, patternTypeFilter, resourceNameFilter })
    assert.deepStrictEqual(await of(1, null), ["*", "ord", "orders", "orders", "other"])
    assert.deepStrictEqual(await of(1, "orders"), ["orders", "orders"])
    assert.deepStrictEqual(await of(2, "orders"), ["*", "ord", "orders", "orders"])
    assert.deepStrictEqual(await of(2, null), ["*", "ord", "orders", "orders", "other"])
    assert.deepStrictEqual(await of(3, null), ["*", "orders"])
    assert.deepStrictEqual(await of(3, "orders"), ["orders"])
    assert.deepStrictEqual(await of(4, "orders"), ["orders"])
    assert.deepStrictEqual(await of(9, null), [])
    const { filterResults } = await client.call(DeleteAcls, 3, {
      filters: [filter({ patternTypeFilter: 9 }), filter({ operation: 99 }), filter({ resourceNameFilter: "nowhere" })]
    })
    assert.deepStrictEqual(
      filterResults.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]),
      [
        [42, "Unknown patternFilter."],
        [42, "Unknown entryFilter."],
        [0, null]
      ]
    )
  })

  it("hold from the next request on, and rows of others are nobody's right", async () => {
    await using broker = await startBroker(OPEN)
    const client = await broker.connect()
    const bits = async () =>
      (await client.call(DescribeCluster, 1, { includeClusterAuthorizedOperations: true })).clusterAuthorizedOperations
    const all = await bits()
    const onCluster = (some: object) => acl({ resourceType: 4, resourceName: "kafka-cluster", ...some })
    await create(client, acl({ principal: "User:other" }))
    assert.strictEqual(await bits(), all)
    // The first row about the cluster takes it away from all who have none.
    await create(client, onCluster({ principal: "User:ANONYMOUS", operation: 8 }))
    assert.strictEqual(await bits(), 1 << 8)
    const [denied] = await create(client, acl())
    assert.strictEqual(denied![0], 31)
    const { filterResults } = await client.call(DeleteAcls, 3, { filters: [filter()] })
    assert.strictEqual(filterResults[0]!.errorCode, 31)
    assert.deepStrictEqual(await names(client), ["kafka-cluster", "orders"])
  })

  it("tell at the start that no client can begin", async () => {
    const told = async (settings: Partial<Settings>) => {
      await using broker = await startBroker(settings)
      return broker.log.map(({ fields, level }) => [level, fields["area"]])
    }
    assert.deepStrictEqual(await told({ authorizerClassName: "tusk" }), [["Warn", "authorizer"]])
    assert.deepStrictEqual(await told(SUPER), [])
    assert.deepStrictEqual(await told(OPEN), [])
    assert.deepStrictEqual(await told({}), [])
  })

  it.effect("deny with a line for each principal and resource a minute", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ authorizerClassName: "tusk" })
      const client = yield* Effect.promise(() => broker.connect())
      const denied = () => broker.log.filter(({ text }) => text === "denied")
      const twice = Effect.promise(async () => {
        for (let i = 0; i < 2; i++) assert.deepStrictEqual((await create(client, acl()))[0]![0], 31)
      })
      yield* twice
      assert.deepStrictEqual(
        denied().map(({ fields, level, text }) => [
          level,
          text,
          fields["principal"],
          fields["operation"],
          fields["resource"],
          fields["host"]
        ]),
        [["Info", "denied", "User:ANONYMOUS", "ALTER", "CLUSTER:kafka-cluster", "127.0.0.1"]]
      )
      yield* TestClock.adjust("61 seconds")
      yield* twice
      assert.lengthOf(denied(), 2)
    })
  )
})
