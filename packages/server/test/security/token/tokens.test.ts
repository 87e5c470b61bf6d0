import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { Rights } from "../Rights.ts"
import { startSaslBroker } from "../sasl/SaslBroker.ts"
import { connectAs, create, describeTokens, expire, renew, SECRET, TOKENS } from "./TokenClient.ts"

const [POLICY_VIOLATION, DISABLED, NOT_FOUND, OWNER_MISMATCH, AUTHORIZATION_FAILED, INVALID_PRINCIPAL_TYPE] = [
  44, 61, 62, 63, 65, 67
]
const DAY_MS = 86_400_000n

describe("delegation tokens", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  beforeAll(async () => {
    broker = await startSaslBroker({ ...TOKENS, "tusk.delegation.token.names.max.bytes": 100 }, undefined, rights)
    rights.only()
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  it("are made for oneself without any right", async () => {
    const alice = await connectAs(broker, "alice")
    const token = await create(alice, { renewers: ["bob"] })
    assert.strictEqual(token.errorCode, 0)
    assert.match(token.tokenId, /^[\w-]{22}$/)
    assert.strictEqual(token.hmac.byteLength, 64)
    const { expiryTimestampMs, issueTimestampMs, maxTimestampMs } = token
    assert.strictEqual(expiryTimestampMs - issueTimestampMs, DAY_MS)
    assert.strictEqual(maxTimestampMs - issueTimestampMs, 7n * DAY_MS)
    const { tokens } = await describeTokens(alice)
    const told = tokens.find(({ tokenId }) => tokenId === token.tokenId)
    assert.deepStrictEqual(told, {
      principalType: "User",
      principalName: "alice",
      tokenRequesterPrincipalType: "User",
      tokenRequesterPrincipalName: "alice",
      issueTimestamp: issueTimestampMs,
      expiryTimestamp: expiryTimestampMs,
      maxTimestamp: maxTimestampMs,
      tokenId: token.tokenId,
      hmac: token.hmac,
      renewers: [{ principalType: "User", principalName: "bob" }]
    })
    assert.deepStrictEqual(rights.asked, [])
  })

  it("are told of in old versions, without who asked for them", async () => {
    const alice = await connectAs(broker, "alice")
    for (const version of [0, 1, 2]) {
      const token = await alice.call(CreateDelegationToken, version, { maxLifetimeMs: 1000n })
      assert.deepStrictEqual([token.errorCode, token.tokenRequesterPrincipalName], [0, ""])
      const { tokens } = await alice.call(DescribeDelegationToken, version, { owners: null })
      assert.includeMembers(
        tokens.map(({ tokenId }) => tokenId),
        [token.tokenId]
      )
    }
  })

  it("are made for another with CreateTokens on that user", async () => {
    const alice = await connectAs(broker, "alice")
    rights.only()
    const refused = await create(alice, { owner: "bob" })
    assert.deepStrictEqual(
      [refused.errorCode, refused.principalName, refused.tokenRequesterPrincipalName, refused.maxTimestampMs],
      [AUTHORIZATION_FAILED, "bob", "alice", -1n]
    )
    assert.deepStrictEqual(rights.asked, ["createTokens user User:bob"])
    rights.only("createTokens user User:bob")
    const token = await create(alice, { owner: "bob" })
    assert.deepStrictEqual([token.errorCode, token.principalName], [0, "bob"])
    // It is bob's: who asked for it may see it, and no more.
    assert.strictEqual((await renew(alice, token.hmac)).errorCode, OWNER_MISMATCH)
    assert.strictEqual((await expire(alice, token.hmac)).errorCode, OWNER_MISMATCH)
    const { tokens } = await describeTokens(alice, ["bob"])
    assert.isTrue(tokens.some(({ tokenId }) => tokenId === token.tokenId))
    const bob = await connectAs(broker, "bob")
    assert.strictEqual((await renew(bob, token.hmac, 1000n)).errorCode, 0)
    assert.strictEqual((await expire(bob, token.hmac)).errorCode, 0)
    rights.only()
  })

  it("of others are told to those with Describe on the token, or DescribeTokens on its owner", async () => {
    const [alice, bob] = [await connectAs(broker, "alice"), await connectAs(broker, "bob")]
    const [one, other] = [await create(alice), await create(alice)]
    const told = async () => {
      const { tokens } = await describeTokens(bob, ["alice"])
      return tokens.map(({ tokenId }) => tokenId).filter((id) => [one.tokenId, other.tokenId].includes(id))
    }
    rights.only()
    assert.deepStrictEqual(await told(), [])
    assert.includeMembers(rights.askedQuietly, [
      `describe delegationToken ${one.tokenId}`,
      "describeTokens user User:alice"
    ])
    rights.only(`describe delegationToken ${one.tokenId}`)
    assert.deepStrictEqual(await told(), [one.tokenId])
    rights.only("describeTokens user User:alice")
    assert.sameMembers(await told(), [one.tokenId, other.tokenId])
    assert.deepStrictEqual((await describeTokens(bob, [])).tokens, [])
    rights.only()
  })

  it("are renewed and ended by owner and renewers", async () => {
    const [alice, bob] = [await connectAs(broker, "alice"), await connectAs(broker, "bob")]
    const { hmac, issueTimestampMs, maxTimestampMs } = await create(alice, { renewers: ["bob"], lifeMs: 3_600_000n })
    assert.strictEqual((await renew(bob, hmac)).expiryTimestampMs, maxTimestampMs)
    const shortened = await expire(bob, hmac, 60_000n)
    assert.isBelow(Number(shortened.expiryTimestampMs - issueTimestampMs), 120_000)
    const { errorCode } = await expire(alice, hmac)
    assert.strictEqual(errorCode, 0)
    const none = { errorCode: NOT_FOUND, expiryTimestampMs: 0n, throttleTimeMs: 0 }
    assert.deepStrictEqual(await renew(alice, hmac), none)
    assert.deepStrictEqual(await expire(alice, hmac), none)
    assert.deepStrictEqual(await renew(alice, Buffer.from("x")), none)
  })

  it("are of users alone, and their names of some length", async () => {
    const alice = await connectAs(broker, "alice")
    rights.allow(() => true)
    const ask = (ownerPrincipalType: string, principalType: string, principalName = "x") =>
      alice.call(CreateDelegationToken, 3, {
        ownerPrincipalType,
        ownerPrincipalName: "dora",
        renewers: [{ principalType, principalName }],
        maxLifetimeMs: -1n
      })
    assert.strictEqual((await ask("User", "Group")).errorCode, INVALID_PRINCIPAL_TYPE)
    assert.strictEqual((await ask("Group", "User")).errorCode, INVALID_PRINCIPAL_TYPE)
    assert.strictEqual((await ask("User", "User", "x".repeat(100))).errorCode, POLICY_VIOLATION)
    assert.strictEqual((await ask("User", "User", "a\0b")).errorCode, 42)
    rights.only()
  })

  it("and their secret are told by nothing else", async () => {
    rights.allow(() => true)
    const alice = await connectAs(broker, "alice")
    const { hmac } = await create(alice)
    const { results } = await alice.call(DescribeConfigs, 4, {
      resources: [{ resourceType: 4, resourceName: "1", configurationKeys: null }],
      includeSynonyms: true,
      includeDocumentation: true
    })
    const { configs } = results[0]!
    const secret = configs.find(({ name }) => name === "delegation.token.secret.key")
    assert.deepStrictEqual([secret?.value, secret?.isSensitive], [null, true])
    const told = JSON.stringify([configs, broker.log], (_, value) => (typeof value === "bigint" ? `${value}` : value))
    for (const word of [SECRET, Buffer.from(hmac).toString("base64"), Buffer.from(hmac).toString("hex")]) {
      assert.isFalse(told.includes(word))
    }
    rights.only()
  })
})

describe("delegation tokens beyond what is set", () => {
  it("are disabled without a secret key", async () => {
    await using broker = await startSaslBroker()
    const alice = await connectAs(broker, "alice")
    const { errorCode, maxTimestampMs } = await create(alice)
    assert.deepStrictEqual([errorCode, maxTimestampMs], [DISABLED, 0n])
    const hmac = Buffer.from("x")
    for (const answer of [await renew(alice, hmac), await expire(alice, hmac), await describeTokens(alice, [])]) {
      assert.strictEqual(answer.errorCode, DISABLED)
    }
  })

  it("are not made", async () => {
    await using broker = await startSaslBroker({ ...TOKENS, "tusk.max.delegation.tokens": 1 })
    const alice = await connectAs(broker, "alice")
    const { hmac } = await create(alice)
    assert.strictEqual((await create(alice)).errorCode, POLICY_VIOLATION)
    assert.strictEqual((await expire(alice, hmac)).errorCode, 0)
    assert.strictEqual((await create(alice)).errorCode, 0)
  })
})
