import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { requestFrame } from "../../WireClient.ts"
import {
  clientFinal,
  connectSasl,
  makeUser,
  plainLogin,
  plainToken,
  rawFrame,
  scramLogin,
  startSaslBroker,
  upsertion
} from "./SaslBroker.ts"

const [UNSUPPORTED_SASL_MECHANISM, ILLEGAL_SASL_STATE, SASL_AUTHENTICATION_FAILED] = [33, 34, 58]
const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const

describe("a login", () => {
  let broker: BrokerUnderTest
  beforeAll(async () => {
    broker = await startSaslBroker({ "connection.failed.authentication.delay.ms": 1 })
    await makeUser(broker, upsertion("carol", "SCRAM-SHA-256", "carol-secret"))
    await makeUser(broker, upsertion("carol", "SCRAM-SHA-512", "carol-secret", 8192))
    await makeUser(broker, upsertion("a,b=c", "SCRAM-SHA-512", "odd"))
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  const isServed = async (client: Awaited<ReturnType<typeof connectSasl>>) => {
    const { brokers } = await client.call(Metadata, 12, { topics: [] })
    assert.lengthOf(brokers, 1)
  }

  it("by PLAIN, after ApiVersions", async () => {
    const client = await connectSasl(broker)
    const { apiKeys } = await client.call(ApiVersions, 3, {
      clientSoftwareName: "test",
      clientSoftwareVersion: "1"
    })
    assert.deepInclude(apiKeys, { apiKey: 36, minVersion: 0, maxVersion: 2 })
    const answer = await plainLogin(client, "alice", "alice-secret")
    assert.deepStrictEqual(
      { ...answer, authBytes: answer.authBytes.byteLength },
      { errorCode: 0, errorMessage: "", authBytes: 0, sessionLifetimeMs: 0n }
    )
    await isServed(client)
  })

  it("by PLAIN, of a user whose keys are stored", async () => {
    const client = await connectSasl(broker)
    assert.strictEqual((await plainLogin(client, "carol", "carol-secret", 0)).errorCode, 0)
    await isServed(client)
  })

  for (const mechanism of MECHANISMS) {
    it(`by ${mechanism}`, async () => {
      const client = await connectSasl(broker)
      const { isSigned, last } = await scramLogin(client, mechanism, "carol", "carol-secret")
      assert.strictEqual(last.errorCode, 0)
      assert.isTrue(isSigned)
      await isServed(client)
    })

    it(`by ${mechanism} with a wrong password, or of nobody: both are told the same in the same steps`, async () => {
      for (const user of ["carol", "nobody"]) {
        const client = await connectSasl(broker)
        const { first, last } = await scramLogin(client, mechanism, user, "wrong")
        assert.strictEqual(first.errorCode, 0)
        assert.strictEqual(last.errorCode, SASL_AUTHENTICATION_FAILED)
        assert.strictEqual(
          last.errorMessage,
          `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`
        )
        await client.closed
      }
    })
  }

  it("by SCRAM of a name with a comma and an equals sign", async () => {
    const client = await connectSasl(broker)
    const { last } = await scramLogin(client, "SCRAM-SHA-512", "a=2Cb=3Dc", "odd")
    assert.strictEqual(last.errorCode, 0)
  })

  it("by tokens without header, after SaslHandshake 0", async () => {
    const client = await connectSasl(broker)
    const { errorCode, mechanisms } = await client.call(SaslHandshake, 0, { mechanism: "SCRAM-SHA-256" })
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(mechanisms, ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"])
    const first = "n,,n=carol,r=abc"
    client.sendBytes(rawFrame(Buffer.from(first)))
    const { message, signature } = clientFinal("SCRAM-SHA-256", "carol-secret", first, String(await client.frame()))
    client.sendBytes(rawFrame(Buffer.from(message)))
    assert.strictEqual(String(await client.frame()), `v=${signature}`)
    await isServed(client)
  })

  it("by a token without header that is wrong: nothing is said", async () => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 0, { mechanism: "PLAIN" })
    client.sendBytes(rawFrame(plainToken("alice", "wrong")))
    await client.closed
    assert.deepStrictEqual(client.frames, [])
  })

  for (const [user, password, message] of [
    ["alice", "wrong", "Authentication failed: Invalid username or password"],
    ["nobody", "wrong", "Authentication failed: Invalid username or password"],
    ["carol", "wrong", "Authentication failed: Invalid username or password"],
    ["", "x", "Authentication failed: username not specified"],
    ["alice", "", "Authentication failed: password not specified"]
  ]) {
    it(`by PLAIN of ${user || "no name"} with ${password || "no password"}`, async () => {
      const client = await connectSasl(broker)
      const answer = await plainLogin(client, user!, password!)
      assert.strictEqual(answer.errorCode, SASL_AUTHENTICATION_FAILED)
      assert.strictEqual(answer.errorMessage, message)
      await client.closed
    })
  }

  it("by a mechanism that is not enabled is told which are", async () => {
    const client = await connectSasl(broker)
    const answer = await client.call(SaslHandshake, 1, { mechanism: "GSSAPI" })
    assert.deepStrictEqual(answer, {
      errorCode: UNSUPPORTED_SASL_MECHANISM,
      mechanisms: ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"]
    })
    await client.closed
  })

  it("is first: nothing else is served before it", async () => {
    const client = await connectSasl(broker)
    client.send(Metadata, 12, { topics: [] })
    await client.closed
    assert.deepStrictEqual(client.frames, [])
  })

  it("is not left half way: another request is out of turn", async () => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" })
    const answer = await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    assert.deepStrictEqual(answer, { errorCode: ILLEGAL_SASL_STATE, mechanisms: [] })
    await client.closed
  })

  it("is not done twice without a session that ends", async () => {
    const client = await connectSasl(broker)
    await plainLogin(client, "alice", "alice-secret")
    assert.deepStrictEqual(await client.call(SaslHandshake, 1, { mechanism: "PLAIN" }), {
      errorCode: ILLEGAL_SASL_STATE,
      mechanisms: []
    })
    const again = await client.call(SaslAuthenticate, 2, { authBytes: plainToken("bob", "bob-secret") })
    assert.strictEqual(again.errorCode, ILLEGAL_SASL_STATE)
    assert.strictEqual(again.errorMessage, "SaslAuthenticate request received after successful authentication")
    await isServed(client)
  })

  it("is not asked for on a listener of PLAINTEXT", async () => {
    const client = await broker.connect()
    assert.strictEqual((await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })).errorCode, ILLEGAL_SASL_STATE)
    await isServed(client)
  })

  it("does not let what comes with it in the same bytes pass", async () => {
    const client = await connectSasl(broker)
    client.sendBytes(
      Buffer.concat([
        requestFrame(SaslHandshake, 1, { mechanism: "PLAIN" }, 1),
        requestFrame(SaslAuthenticate, 2, { authBytes: plainToken("alice", "wrong") }, 2),
        requestFrame(Metadata, 12, { topics: [] }, 3)
      ])
    )
    await client.closed
    assert.lengthOf(client.frames, 2)
  })
})
