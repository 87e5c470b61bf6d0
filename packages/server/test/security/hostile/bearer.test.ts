/** What may be tried with tokens of OAUTHBEARER: forged ones, and right ones with something absurd in or beside them. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { connectSasl, startSaslBroker } from "../sasl/SaslBroker.ts"

const INVALID = '{"status":"invalid_token"}'
const seconds = () => Math.floor(Date.now() / 1000)

describe("OAUTHBEARER against a hostile client", () => {
  let broker: BrokerUnderTest
  let folder: string
  let pair: Awaited<ReturnType<typeof generateKeyPair>>
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tusk-jwks-"))
    pair = await generateKeyPair("RS256", { extractable: true })
    const file = join(folder, "jwks.json")
    writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one" }] }))
    broker = await startSaslBroker({
      "sasl.enabled.mechanisms": "OAUTHBEARER",
      "sasl.oauthbearer.jwks.endpoint.url": pathToFileURL(file).href,
      "connection.failed.authentication.delay.ms": 0
    })
  })
  afterAll(async () => {
    await broker[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const claims = (more: object = {}) => ({ sub: "alice", iat: seconds(), exp: seconds() + 60, ...more })
  const sign = (more?: object) =>
    new SignJWT(claims(more)).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(pair.privateKey)
  const attempt = async (token: string, header = "n,,", version = 1) => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism: "OAUTHBEARER" })
    const authBytes = Buffer.from(`${header}\x01auth=Bearer ${token}\x01\x01`)
    return client.call(SaslAuthenticate, version, { authBytes })
  }
  const errors = () => broker.log.filter(({ level }) => level === "Error")

  it("tokens that nobody has signed, or with the public key, are none", async () => {
    const secret = Buffer.from(await exportSPKI(pair.publicKey))
    const byPublicKey = await new SignJWT(claims()).setProtectedHeader({ alg: "HS256", kid: "one" }).sign(secret)
    const right = await sign()
    const [head, body, signature] = right.split(".")
    const another = Buffer.from(JSON.stringify(claims({ sub: "admin" }))).toString("base64url")
    const forged = [
      new UnsecuredJWT(claims()).encode(),
      byPublicKey,
      `${head}.${body}.`,
      `${head}.${another}.${signature}`,
      `${head}.${body}.${signature!.slice(0, -8)}`,
      "e30.e30.e30",
      "....",
      "a".repeat(400_000)
    ]
    for (const token of forged) {
      assert.strictEqual(String(Buffer.from((await attempt(token)).authBytes)), INVALID, token.slice(0, 40))
    }
    assert.strictEqual((await attempt(right)).sessionLifetimeMs > 0n, true)
    assert.deepStrictEqual(errors(), [])
  })

  it("who it wants to be is told as far as an answer is long", async () => {
    const { errorCode, errorMessage } = await attempt(await sign(), `n,a=${"x".repeat(100_000)},`)
    assert.strictEqual(errorCode, 58)
    assert.isBelow(errorMessage!.length, 2000)
    assert.deepStrictEqual(errors(), [])
  })

  it("keys that cannot be read are not told in the log", async () => {
    const file = join(folder, "broken.json")
    writeFileSync(file, "s3cret-of-an-issuer")
    await using other = await startSaslBroker({
      "sasl.enabled.mechanisms": "OAUTHBEARER",
      "sasl.oauthbearer.jwks.endpoint.url": pathToFileURL(file).href,
      "connection.failed.authentication.delay.ms": 0
    })
    const client = await connectSasl(other)
    await client.call(SaslHandshake, 1, { mechanism: "OAUTHBEARER" })
    await client.call(SaslAuthenticate, 1, { authBytes: Buffer.from(`n,,\x01auth=Bearer ${await sign()}\x01\x01`) })
    await client.call(SaslAuthenticate, 1, { authBytes: Buffer.of(1) })
    await client.closed
    const lines = other.log.map(({ text }) => text).join("\n")
    assert.include(lines, "the keys cannot be read: what is there is no JSON")
    assert.notInclude(lines, "s3cret")
  })

  it("a token for ever is good for as long as an answer can tell", async () => {
    for (const exp of [1e300, 9e15, 9_007_199_254_740_991]) {
      const { errorCode, sessionLifetimeMs } = await attempt(await sign({ exp }))
      assert.strictEqual(errorCode, 0)
      assert.isTrue(sessionLifetimeMs > 0n)
    }
    assert.deepStrictEqual(errors(), [])
  })
})
