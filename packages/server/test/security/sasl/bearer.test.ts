import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { parseBearerMessage } from "../../../src/security/sasl/BearerMessage.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { connectSasl, startSaslBroker } from "./SaslBroker.ts"

const INVALID = '{"status":"invalid_token"}'
const seconds = () => Math.floor(Date.now() / 1000)
type Key = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"]

describe("a login by OAUTHBEARER", () => {
  let broker: BrokerUnderTest
  let folder: string
  let right: Key
  let other: Key
  let later: Key
  const file = () => join(folder, "jwks.json")
  const publicOf = async (key: Awaited<ReturnType<typeof generateKeyPair>>, kid: string) => ({
    ...(await exportJWK(key.publicKey)),
    kid,
    alg: "ES256"
  })

  const pairs: Array<Awaited<ReturnType<typeof generateKeyPair>>> = []
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tusk-jwks-"))
    for (let i = 0; i < 3; i++) pairs.push(await generateKeyPair("ES256", { extractable: true }))
    right = pairs[0]!.privateKey
    other = pairs[1]!.privateKey
    later = pairs[2]!.privateKey
    writeFileSync(file(), JSON.stringify({ keys: [await publicOf(pairs[0]!, "one")] }))
    broker = await startSaslBroker({
      "sasl.enabled.mechanisms": "OAUTHBEARER",
      "sasl.oauthbearer.jwks.endpoint.url": pathToFileURL(file()).href,
      "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": 1,
      "sasl.oauthbearer.expected.audience": "kafka,other",
      "sasl.oauthbearer.expected.issuer": "https://issuer",
      "connection.failed.authentication.delay.ms": 1
    })
  })
  afterAll(async () => {
    await broker[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const CLAIMS = { sub: "alice", iss: "https://issuer", aud: "kafka", scope: "read" }
  const sign = (claims: Readonly<Record<string, unknown>>, key = right, kid = "one") =>
    new SignJWT({ iat: seconds(), exp: seconds() + 60, ...CLAIMS, ...claims })
      .setProtectedHeader({ alg: "ES256", kid })
      .sign(key)
  const attempt = async (token: string, authzid = "") => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism: "OAUTHBEARER" })
    const authBytes = Buffer.from(`n,${authzid},\x01auth=Bearer ${token}\x01traceId=1\x01\x01`)
    return { client, answer: await client.call(SaslAuthenticate, 2, { authBytes }) }
  }

  it("lets the token's user in until it expires", async () => {
    const { answer, client } = await attempt(await sign({}))
    assert.strictEqual(answer.errorCode, 0)
    assert.isTrue(answer.sessionLifetimeMs > 50_000n && answer.sessionLifetimeMs <= 60_000n)
    assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
  })

  it("reads the keys anew for a key that it does not know", async () => {
    const token = await sign({}, later, "two")
    assert.strictEqual(Buffer.from((await attempt(token)).answer.authBytes).toString(), INVALID)
    const keys = [await publicOf(pairs[0]!, "one"), await publicOf(pairs[2]!, "two")]
    writeFileSync(file(), JSON.stringify({ keys }))
    let isIn = false
    // The keys are not read more often than each millisecond.
    for (let i = 0; i < 20 && !isIn; i++) isIn = (await attempt(token)).answer.sessionLifetimeMs > 0n
    assert.isTrue(isIn)
  })

  const wrong: Readonly<Record<string, () => Promise<string> | string>> = {
    "has expired": () => sign({ exp: seconds() - 31 }),
    "is not valid yet": () => sign({ nbf: seconds() + 60 }),
    "is for another audience": () => sign({ aud: "somebody" }),
    "is of another issuer": () => sign({ iss: "https://other" }),
    "names nobody": () => sign({ sub: " " }),
    "does not say when it was issued": () => sign({ iat: undefined }),
    "does not expire": () => sign({ exp: undefined }),
    "is signed by another key": () => sign({}, other),
    "is changed": async () => (await sign({})).replace(/\.[^.]+\./, ".eyJzdWIiOiJhZG1pbiJ9."),
    "is not signed": () => new UnsecuredJWT({ ...CLAIMS, iat: seconds(), exp: seconds() + 60 }).encode(),
    "is no token": () => "nonsense"
  }
  for (const [name, make] of Object.entries(wrong)) {
    it(`refuses a token that ${name}, and waits for the client to have heard it`, async () => {
      const { answer, client } = await attempt(await make())
      assert.deepStrictEqual([answer.errorCode, Buffer.from(answer.authBytes).toString()], [0, INVALID])
      const last = await client.call(SaslAuthenticate, 2, { authBytes: Buffer.of(1) })
      assert.deepStrictEqual([last.errorCode, last.errorMessage], [58, INVALID])
      await client.closed
    })
  }

  it("refuses to let it act as somebody else", async () => {
    assert.strictEqual((await attempt(await sign({}), "a=alice")).answer.errorCode, 0)
    const { answer } = await attempt(await sign({}), "a=bob")
    assert.include(answer.errorMessage, "authorization id (bob)")
  })

  it("refuses what is no message of it", async () => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism: "OAUTHBEARER" })
    const { errorCode, errorMessage } = await client.call(SaslAuthenticate, 2, { authBytes: Buffer.of(1) })
    assert.strictEqual(errorCode, 58)
    assert.include(errorMessage, "invalid credentials with SASL mechanism OAUTHBEARER")
    for (const text of ["", "n,,", "n,,\x01\x01", "y,,\x01auth=Bearer x\x01\x01", "n,,\x01auth=Basic x\x01\x01"]) {
      assert.isUndefined(parseBearerMessage(text))
    }
  })
})
