/** Clients that are not authenticated and send much, or slowly: others lose nothing by it. */
import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { requestFrame, within } from "../../WireClient.ts"
import { connectSasl, plainLogin, plainToken, startSaslBroker } from "../sasl/SaslBroker.ts"

const announced = (bytes: number, sent: number): Buffer => {
  const frame = Buffer.alloc(4 + sent)
  frame.writeInt32BE(bytes, 0)
  return frame
}

describe("before a login", () => {
  it("a request of half a megabyte is kept as long as there is room, then the oldest gives way", async () => {
    await using broker = await startSaslBroker({ "tusk.max.pending.login.bytes": 1 << 20 })
    const clients = []
    for (let i = 0; i < 8; i++) {
      const client = await connectSasl(broker)
      client.sendBytes(announced(524_288, 400_000))
      clients.push(client)
    }
    await within(Promise.all(clients.slice(0, 6).map(({ closed }) => closed)), "the oldest to be closed")
    assert.isFalse(clients[7]!.isClosed)
    const client = await connectSasl(broker)
    assert.strictEqual((await plainLogin(client, "alice", "alice-secret")).errorCode, 0)
    // Whoever is in may send as much as ever: nothing of it is counted.
    client.sendBytes(announced(3_000_000, 2_000_000))
    assert.isTrue(await broker.serves())
    assert.isFalse(client.isClosed)
  })

  it("a login that comes byte by byte is one all the same, and counts no more when it is done", async () => {
    await using broker = await startSaslBroker({ "tusk.max.pending.login.bytes": 1000 })
    for (let i = 0; i < 4; i++) {
      const client = await connectSasl(broker)
      const frames = [
        requestFrame(SaslHandshake, 1, { mechanism: "PLAIN" }, 1),
        requestFrame(SaslAuthenticate, 2, { authBytes: plainToken("alice", "alice-secret") }, 2)
      ]
      for (const byte of Buffer.concat(frames)) {
        client.sendBytes(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.strictEqual((await client.frame()).readInt32BE(0), 1)
      assert.strictEqual((await client.frame()).readInt32BE(0), 2)
      assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
    }
  })

  it("a token beyond sasl.server.max.receive.size closes, one just below it is looked at", async () => {
    await using broker = await startSaslBroker({
      "sasl.server.max.receive.size": 1000,
      "connection.failed.authentication.delay.ms": 0
    })
    const small = await connectSasl(broker)
    assert.strictEqual((await plainLogin(small, "alice", "x".repeat(900))).errorCode, 58)
    const large = await connectSasl(broker)
    await large.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    large.send(SaslAuthenticate, 2, { authBytes: plainToken("alice", "x".repeat(1000)) })
    await large.closed
    assert.deepStrictEqual(large.frames, [])
    const raw = await connectSasl(broker)
    await raw.call(SaslHandshake, 0, { mechanism: "PLAIN" })
    raw.sendBytes(announced(1001, 0))
    await raw.closed
  })

  it("two gigabytes that are announced cost nothing", async () => {
    await using broker = await startSaslBroker()
    for (const length of [0x7fff_ffff, -0x8000_0000, -1, 0]) {
      const client = await connectSasl(broker)
      client.sendBytes(announced(length, 0))
      await client.closed
    }
    assert.isTrue(await broker.serves())
  })
})
