/** Requests around a login in the same bytes: none is done unauthenticated, nor as somebody else. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { Authorizer } from "../../../src/request/Authorizer.ts"
import { startBroker } from "../../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { requestFrame } from "../../WireClient.ts"
import type { WireClient } from "../../WireClient.ts"
import { JAAS, plainToken, rawFrame } from "../sasl/SaslBroker.ts"
import { parsed } from "../tls/TlsUnderTest.ts"

/** Notes who wants to make which topic, and lets it be made. */
class Noting implements Authorizer {
  readonly isOn = true
  readonly asked: Array<string> = []
  readonly allows: Authorizer["allows"] = ({ principal }, _host, operation, _type, name) => {
    this.asked.push(`${principal} ${operation} ${name}`)
    return true
  }
  readonly allowsQuietly = this.allows
  readonly allowsSomewhere: Authorizer["allowsSomewhere"] = ({ principal }) => {
    this.asked.push(principal)
    return true
  }
}

const shake = (id: number, version = 1) => requestFrame(SaslHandshake, version, { mechanism: "PLAIN" }, id)
const authenticate = (id: number, user: string, password = `${user}-secret`) =>
  requestFrame(SaslAuthenticate, 2, { authBytes: plainToken(user, password) }, id)
const metadata = (id: number) => requestFrame(Metadata, 12, { topics: [] }, id)
const make = (id: number, name: string) =>
  requestFrame(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }] }, id)
/** Runs beside others. */
const produce = (id: number, name: string) =>
  requestFrame(
    Produce,
    9,
    { acks: 1, timeoutMs: 1000, topicData: [{ name, partitionData: [{ index: 0, records: Buffer.alloc(0) }] }] },
    id
  )

describe("requests around a login", () => {
  const noting = new Noting()
  let broker: BrokerUnderTest
  beforeAll(async () => {
    const settings = {
      "sasl.enabled.mechanisms": "PLAIN",
      "sasl.jaas.config": JAAS,
      "connection.failed.authentication.delay.ms": 0,
      "listener.name.sasl.plain.connections.max.reauth.ms": 60_000
    }
    broker = await startBroker(parsed(settings), {
      authorizer: noting,
      listeners: [
        { name: "SASL", protocol: "SASL_PLAINTEXT", host: "127.0.0.1", port: 0 },
        { name: "PLAINTEXT", host: "127.0.0.1", port: 0 }
      ]
    })
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  /** All in one segment; tells of which requests answers came, until the connection is closed or `wanted` came. */
  const answered = async (client: WireClient, wanted: number, ...frames: ReadonlyArray<Buffer>) => {
    noting.asked.length = 0
    client.sendBytes(Buffer.concat(frames))
    const ids: Array<number> = []
    for (let i = 0; i < wanted; i++) {
      const frame = await client.frame().catch(() => undefined)
      if (frame === undefined) break
      ids.push(frame.readInt32BE(0))
    }
    return ids
  }

  it("before it are not answered, nor done", async () => {
    for (const frame of [metadata(1), make(1, "early"), produce(1, "early"), authenticate(1, "alice")]) {
      const client = await broker.connect()
      assert.deepStrictEqual(await answered(client, 9, frame, shake(2), authenticate(3, "alice"), metadata(4)), [])
      await client.closed
      assert.deepStrictEqual(noting.asked, [])
    }
  })

  it("behind one that fails are not answered, nor done", async () => {
    const client = await broker.connect()
    const frames = [shake(1), authenticate(2, "alice", "wrong"), make(3, "late"), produce(4, "late"), metadata(5)]
    assert.deepStrictEqual(await answered(client, 9, ...frames), [1, 2])
    await client.closed
    assert.deepStrictEqual(noting.asked, [])
  })

  it("behind a token without header that is wrong are not answered, nor done", async () => {
    const client = await broker.connect()
    const wrong = rawFrame(plainToken("alice", "wrong"))
    assert.deepStrictEqual(await answered(client, 9, shake(1, 0), wrong, make(3, "late"), metadata(4)), [1])
    await client.closed
    assert.deepStrictEqual(noting.asked, [])
  })

  it("in the middle of it are refused, and nothing behind them is looked at", async () => {
    const client = await broker.connect()
    const frames = [shake(1), make(2, "middle"), authenticate(3, "alice"), metadata(4)]
    assert.deepStrictEqual(await answered(client, 9, ...frames), [1, 2])
    await client.closed
    assert.deepStrictEqual(noting.asked, [])
  })

  it("behind one that is right are those of who logged in, on each of many connections at once", async () => {
    const users = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "alice" : "bob"))
    const clients = await Promise.all(users.map(() => broker.connect()))
    const ids = await Promise.all(
      users.map((user, i) =>
        answered(
          clients[i]!,
          4,
          shake(1),
          authenticate(2, user),
          make(3, `by-${user}-${i}`),
          produce(4, `by-${user}-${i}`)
        )
      )
    )
    for (const each of ids) assert.deepStrictEqual(each, [1, 2, 3, 4])
    const ofTopics = noting.asked.filter((asked) => asked.includes("by-"))
    assert.isAtLeast(ofTopics.length, 80)
    for (const asked of ofTopics) {
      const [, principal, owner] = /^User:(\w+) .*by-(\w+)-/.exec(asked)!
      assert.strictEqual(principal, owner, asked)
    }
  })

  it("around one that is done again are those of who was there; one as another ends it all", async () => {
    const client = await broker.connect()
    assert.deepStrictEqual(await answered(client, 3, shake(1), authenticate(2, "alice"), make(3, "first")), [1, 2, 3])
    const around = [produce(4, "first"), produce(5, "first"), shake(6), authenticate(7, "alice"), produce(8, "first")]
    assert.deepStrictEqual(await answered(client, 5, ...around), [4, 5, 6, 7, 8])
    assert.isNotEmpty(noting.asked)
    for (const asked of noting.asked) assert.match(asked, /^User:alice/)

    const other = await broker.connect()
    assert.deepStrictEqual(await answered(other, 2, shake(1), authenticate(2, "alice")), [1, 2])
    const change = [produce(3, "first"), shake(4), authenticate(5, "bob"), make(6, "as-bob"), produce(7, "first")]
    assert.deepStrictEqual(await answered(other, 9, ...change), [3, 4, 5])
    await other.closed
    for (const asked of noting.asked) assert.match(asked, /^User:alice .*first$/)
  })

  it("in the middle of one that is done again are not done", async () => {
    const client = await broker.connect()
    assert.deepStrictEqual(await answered(client, 2, shake(1), authenticate(2, "alice")), [1, 2])
    const frames = [shake(3), make(4, "again"), authenticate(5, "alice"), metadata(6)]
    assert.deepStrictEqual(await answered(client, 9, ...frames), [3, 4])
    await client.closed
    assert.deepStrictEqual(noting.asked, [])
  })

  it("of a login are refused where nobody logs in, and the connection goes on", async () => {
    const client = await broker.connect(1)
    assert.strictEqual((await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })).errorCode, 34)
    const { errorCode } = await client.call(SaslAuthenticate, 2, { authBytes: plainToken("alice", "alice-secret") })
    assert.strictEqual(errorCode, 34)
    noting.asked.length = 0
    await client.call(ListGroups, 4, {})
    assert.isNotEmpty(noting.asked)
    for (const asked of noting.asked) assert.match(asked, /^User:ANONYMOUS/)
  })
})
