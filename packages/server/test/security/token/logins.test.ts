import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { brokerInTestTime } from "../../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import type { WireClient } from "../../WireClient.ts"
import { connectSasl, SASL_LISTENERS, saslSettings, scramLogin, startSaslBroker } from "../sasl/SaslBroker.ts"
import { connectAs, create, describeTokens, expire, renew, tokenLogin, TOKENS } from "./TokenClient.ts"

const [SASL_AUTHENTICATION_FAILED, NOT_FOUND, NOT_ALLOWED, EXPIRED] = [58, 62, 64, 66]

type Token = Awaited<ReturnType<typeof create>>

const attempt = async (broker: BrokerUnderTest, token: Pick<Token, "hmac" | "tokenId">) =>
  (await tokenLogin(await connectSasl(broker), token)).last.errorCode

describe("a login by a delegation token", () => {
  for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
    it(`by ${mechanism}: is its owner, but for tokens`, async () => {
      await using broker = await startSaslBroker(TOKENS)
      const token = await create(await connectAs(broker, "alice"), { lifeMs: 60_000n })
      for (let time = 0; time < 2; time++) {
        const client = await connectSasl(broker)
        const { isSigned, last } = await tokenLogin(client, token, mechanism)
        assert.deepStrictEqual([last.errorCode, isSigned], [0, true])
        assert.isTrue(last.sessionLifetimeMs > 0n && last.sessionLifetimeMs <= 60_000n)
        assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
        const refused = await create(client)
        assert.deepStrictEqual([refused.errorCode, refused.principalName], [NOT_ALLOWED, "alice"])
        assert.strictEqual((await renew(client, token.hmac)).errorCode, NOT_ALLOWED)
        assert.strictEqual((await expire(client, token.hmac)).errorCode, NOT_ALLOWED)
        assert.strictEqual((await describeTokens(client)).errorCode, NOT_ALLOWED)
      }
    })
  }

  it("needs the token's HMAC, and a token", async () => {
    await using broker = await startSaslBroker(TOKENS)
    const { hmac, tokenId } = await create(await connectAs(broker, "alice"))
    const wrong = Uint8Array.from(hmac, (byte, i) => (i === 63 ? byte ^ 1 : byte))
    assert.strictEqual(await attempt(broker, { tokenId, hmac: wrong }), SASL_AUTHENTICATION_FAILED)
    assert.strictEqual(await attempt(broker, { tokenId: "alice", hmac }), SASL_AUTHENTICATION_FAILED)
    assert.strictEqual(await attempt(broker, { tokenId, hmac }), 0)
  })

  it("is not one of a user of that name, nor the other way round", async () => {
    await using broker = await startSaslBroker(TOKENS)
    const token = await create(await connectAs(broker, "alice"))
    const client = await connectSasl(broker)
    const password = Buffer.from(token.hmac).toString("base64")
    const { last } = await scramLogin(client, "SCRAM-SHA-512", token.tokenId, password)
    assert.strictEqual(last.errorCode, SASL_AUTHENTICATION_FAILED)
  })

  it("ends with the token: who is in stays until it logs in again", async () => {
    await using broker = await startSaslBroker(TOKENS)
    const alice = await connectAs(broker, "alice")
    const token = await create(alice)
    const client = await connectSasl(broker)
    assert.strictEqual((await tokenLogin(client, token)).last.errorCode, 0)
    assert.strictEqual((await expire(alice, token.hmac)).errorCode, 0)
    assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
    assert.strictEqual((await tokenLogin(client, token)).last.errorCode, SASL_AUTHENTICATION_FAILED)
    await client.closed
    assert.strictEqual(await attempt(broker, token), SASL_AUTHENTICATION_FAILED)
  })

  it.effect("ends when the token expires, which is removed later", () =>
    Effect.gen(function* () {
      const settings = saslSettings({ ...TOKENS, "delegation.token.expiry.check.interval.ms": 7_200_000 })
      const broker = yield* brokerInTestTime(settings, { listeners: SASL_LISTENERS })
      // Each on a connection of its own: idle ones are closed.
      const asAlice = <A>(what: (alice: WireClient) => Promise<A>) =>
        Effect.promise(async () => what(await connectAs(broker, "alice")))
      const logsIn = (token: Token) => Effect.promise(() => attempt(broker, token))
      const held = asAlice(async (alice) => (await describeTokens(alice)).tokens.length)
      const token = yield* asAlice((alice) => create(alice, { lifeMs: 3_600_000n }))
      assert.strictEqual(yield* logsIn(token), 0)
      yield* TestClock.adjust(3_600_001)
      assert.strictEqual(yield* logsIn(token), SASL_AUTHENTICATION_FAILED)
      assert.strictEqual((yield* asAlice((alice) => renew(alice, token.hmac))).errorCode, EXPIRED)
      assert.strictEqual(yield* held, 1)
      const kept = yield* asAlice((alice) => create(alice))
      assert.strictEqual(yield* held, 2)
      yield* TestClock.adjust(3_600_000)
      assert.strictEqual((yield* asAlice((alice) => renew(alice, token.hmac))).errorCode, NOT_FOUND)
      assert.strictEqual(yield* held, 1)
      assert.strictEqual(yield* logsIn(kept), 0)
    })
  )
})
