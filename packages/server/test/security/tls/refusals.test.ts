/** Clients whose certificate will not do: they are told by an alert, and nothing that they say is heard. */
import { assert, describe, it } from "@effect/vitest"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { connect as connectPlainly } from "node:net"
import { connect } from "node:tls"
import type { ConnectionOptions } from "node:tls"
import { makeCertificate } from "../../../src/security/tls/selfSigned.ts"
import { requestFrame, within } from "../../WireClient.ts"
import { authority, mutual, shown, signed, startTls, stranger } from "./TlsUnderTest.ts"
import type { TlsBroker } from "./TlsUnderTest.ts"

const DAY_MS = 86_400_000
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const
/** What OpenSSL says of bytes that are not encrypted. */
const ALERT = /ALERT_(UNEXPECTED_MESSAGE|BAD_RECORD_MAC)/
/** None of these tests is about how many connect. */
const MANY = { "max.connection.creation.rate": 1_000_000 }

const untrusted = shown(signed([["CN", "client"]], stranger))
const trusted = shown(signed([["CN", "client"]]))
const { issuer } = authority
const expired = shown(
  makeCertificate({ subject: [["CN", "client"]], issuer, days: 1, now: new Date(Date.now() - 3 * DAY_MS) })
)

interface Refused {
  /** The client's error. */
  readonly code: string
  /** Bytes that the broker sent. */
  readonly heard: number
  readonly sessions: ReadonlyArray<Buffer>
  /** It came by a session of another connection. */
  readonly isResumed: boolean
}

/** Connects, says `bytes` with the end of its handshake, and waits until it is told something. */
const speak = (tls: TlsBroker, options: ConnectionOptions, bytes: Buffer): Promise<Refused> => {
  const { port } = tls.broker
  const socket = connect({ port, host: "127.0.0.1", ca: authority.certificate, ...options })
  const sessions: Array<Buffer> = []
  let [heard, isResumed] = [0, false]
  socket.on("session", (session: Buffer) => sessions.push(session))
  socket.on("data", (chunk: Buffer) => (heard += chunk.length))
  socket.once("secureConnect", () => {
    isResumed = socket.isSessionReused()
    socket.write(bytes)
  })
  const code = new Promise<string>((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    socket.once("close", () => resolve("closed"))
  })
  return within(
    code.then((code) => {
      socket.destroy()
      return { code, heard, sessions, isResumed }
    }),
    "a refusal"
  )
}

const create = (name: string): Buffer =>
  requestFrame(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 })

const isThere = async (tls: TlsBroker, name: string): Promise<boolean> => {
  await using client = await tls.connect(trusted)
  const { topics } = await client.call(Metadata, 12, { topics: null })
  return topics.some((topic) => topic.name === name)
}

describe("a certificate that will not do", () => {
  it.each(VERSIONS.flatMap((version) => (["required", "requested"] as const).map((auth) => [version, auth] as const)))(
    "%s, %s: is refused by an alert, and no request of its client is done",
    async (maxVersion, auth) => {
      await using tls = await startTls(mutual({ "ssl.client.auth": auth, ...MANY }))
      for (const pair of [untrusted, expired]) {
        const { code, heard } = await speak(tls, { ...pair, maxVersion }, create("theirs"))
        assert.match(code, ALERT)
        assert.strictEqual(heard, 0)
      }
      assert.isFalse(await isThere(tls, "theirs"))
      assert.deepStrictEqual(
        tls.log.flatMap(({ text }) => /not trusted: (\w+)/.exec(text)?.slice(1) ?? []),
        ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT_HAS_EXPIRED"]
      )
      // The same bytes of a client that is trusted, and a length that closes its connection.
      const ours = Buffer.concat([create("ours"), Buffer.alloc(4, 0xff)])
      assert.strictEqual((await speak(tls, { ...trusted, maxVersion }, ours)).code, "closed")
      assert.isTrue(await isThere(tls, "ours"))
    }
  )

  it("is told to a client that has begun to send much", async () => {
    await using tls = await startTls(mutual())
    for (const maxVersion of VERSIONS) {
      assert.match((await speak(tls, { ...untrusted, maxVersion }, Buffer.alloc(200_000))).code, ALERT)
    }
  })

  it("is not trusted by a session either that it was given before the refusal", async () => {
    await using tls = await startTls(mutual(MANY))
    for (const maxVersion of VERSIONS) {
      const { sessions } = await speak(tls, { ...untrusted, maxVersion }, Buffer.of())
      assert.isNotEmpty(sessions)
      for (const session of sessions) {
        const again = await speak(tls, { ...untrusted, maxVersion, session }, create("theirs"))
        assert.match(again.code, ALERT)
        assert.strictEqual(again.heard, 0)
        assert.isTrue(again.isResumed)
      }
    }
    assert.isFalse(await isThere(tls, "theirs"))
  })

  it("of many that come at once and go when they like does no harm", { timeout: 60_000 }, async () => {
    await using tls = await startTls(mutual({ ...MANY, "connection.failed.authentication.delay.ms": 5 }))
    await using served = await tls.connect(trusted)
    const rude = (i: number) =>
      new Promise<void>((resolve) => {
        const net = connectPlainly(tls.broker.port, "127.0.0.1")
        const socket = connect({ socket: net, ca: authority.certificate, ...untrusted })
        net.on("error", () => {}).once("close", () => resolve())
        socket.on("error", () => setImmediate(() => net.destroy()))
        socket.once("secureConnect", () => {
          socket.write(create("theirs"))
          // Not from within OpenSSL.
          if (i % 3 === 0) setImmediate(() => net.resetAndDestroy())
          if (i % 3 === 1) socket.end()
        })
      })
    for (let round = 0; round < 3; round++) {
      await within(Promise.all(Array.from({ length: 25 }, (_, i) => rude(i))), "the refusals", 20_000)
    }
    const { topics } = await served.call(Metadata, 12, { topics: null })
    assert.isFalse(topics.some(({ name }) => name === "theirs"))
  })
})
