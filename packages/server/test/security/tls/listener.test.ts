/** Listeners that speak TLS, by real sockets: versions, ciphers, clients' certificates, and who speaks something else. */
import { assert, describe, it } from "@effect/vitest"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { connect } from "node:net"
import type { TLSSocket } from "node:tls"
import type { ConnectionOptions } from "node:tls"
import { within } from "../../WireClient.ts"
import type { WireClient } from "../../WireClient.ts"
import { mutual, pemSettings, shown, signed, SSL, startTls, stranger } from "./TlsUnderTest.ts"
import type { TlsBroker } from "./TlsUnderTest.ts"

const asks = async (client: WireClient): Promise<number> =>
  (await client.call(Metadata, 12, { topics: [] })).brokers.length

const refusal = async (tls: TlsBroker, options: ConnectionOptions): Promise<unknown> => {
  let alert: string | undefined
  try {
    // With TLS 1.3 a client learns of a refusal after its own handshake.
    const client = await tls.connect(options)
    client.socket.on("error", (error: NodeJS.ErrnoException) => (alert = error.code))
    await asks(client)
  } catch (error) {
    return alert ?? (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
  return assert.fail("served")
}

/** After a handshake OpenSSL sends this one: serverSocket.ts. */
const ALERT = /ALERT_UNEXPECTED_MESSAGE/

const principalOf = async (tls: TlsBroker, options: ConnectionOptions): Promise<unknown> => {
  const client = await tls.connect(options)
  assert.strictEqual(await asks(client), 1)
  await client[Symbol.asyncDispose]()
  await within(tls.broker.stop(), "the stop")
  return tls.principals().at(-1)
}

describe("a listener that speaks SSL", () => {
  it("serves clients of both versions beside a plain one, and tells each its own address", async () => {
    await using tls = await startTls(pemSettings(), [
      SSL,
      { name: "PLAINTEXT", host: "127.0.0.1", port: 0, advertised: { host: "plain.example", port: 1 } }
    ])
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      await using client = await tls.connect({ maxVersion })
      assert.strictEqual((client.socket as TLSSocket).getProtocol(), maxVersion)
      const { brokers } = await client.call(Metadata, 12, { topics: [] })
      assert.strictEqual(brokers[0]!.port, tls.broker.port)
    }
  })

  it("carries large frames both ways, and answers pipelined requests in order", async () => {
    await using tls = await startTls(pemSettings())
    await using client = await tls.connect()
    const ids = Array.from({ length: 200 }, () => client.send(ApiVersions, 3, { clientSoftwareName: "x".repeat(9000) }))
    for (const id of ids) assert.strictEqual((await client.frame()).readInt32BE(0), id)
  })

  it("has only the protocols and cipher suites that are named", async () => {
    await using tls = await startTls({
      ...pemSettings(),
      "ssl.enabled.protocols": "TLSv1.2",
      "ssl.cipher.suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    })
    assert.match(String(await refusal(tls, { minVersion: "TLSv1.3" })), /PROTOCOL_VERSION/)
    assert.match(String(await refusal(tls, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" })), /HANDSHAKE_FAILURE/)
    await using client = await tls.connect()
    assert.strictEqual((client.socket as TLSSocket).getCipher().standardName, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
  })

  it("notices a client that hangs up while its request waits", async () => {
    await using tls = await startTls(pemSettings())
    const id = await tls.broker.createTopicBy(await tls.connect(), "t")
    await using client = await tls.connect()
    client.send(Fetch, 16, {
      maxWaitMs: 60_000,
      minBytes: 1,
      maxBytes: 1000,
      topics: [{ topicId: id, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }]
    })
    client.socket.end()
    await within(client.closed, "the end")
    await within(tls.broker.stop(), "the stop", 2000)
  })
})

describe("a client's certificate", () => {
  it("is its name, as Java writes it", async () => {
    await using tls = await startTls(mutual())
    const pair = signed([
      ["O", "Tusk, Inc."],
      ["OU", "a+b"],
      ["CN", "producer"]
    ])
    assert.strictEqual(await principalOf(tls, shown(pair)), "User:CN=producer,OU=a\\+b,O=Tusk\\, Inc.")
  })

  it("gives the name that a rule makes of it; one that no rule fits is refused", async () => {
    await using tls = await startTls(mutual({ "ssl.principal.mapping.rules": "RULE:^CN=(.*?),OU=ops$/$1/L" }))
    assert.match(String(await refusal(tls, shown(signed([["CN", "other"]])))), ALERT)
    assert.isTrue(tls.log.some(({ level, text }) => level === "Warn" && text.includes("no rule of ssl.principal")))
    const pair = signed([
      ["OU", "ops"],
      ["CN", "Producer"]
    ])
    assert.strictEqual(await principalOf(tls, shown(pair)), "User:producer")
  })

  it("is required: none, and one of a stranger, are refused", async () => {
    await using tls = await startTls(mutual())
    assert.match(String(await refusal(tls, {})), /CERTIFICATE_REQUIRED/)
    assert.match(String(await refusal(tls, shown(signed([["CN", "x"]], stranger)))), ALERT)
  })

  it("is requested: without one a client is anonymous, and one of a stranger is refused", async () => {
    await using tls = await startTls(mutual({ "ssl.client.auth": "requested" }))
    assert.match(String(await refusal(tls, shown(signed([["CN", "x"]], stranger)))), ALERT)
    assert.isTrue(tls.log.some(({ level, text }) => level === "Warn" && text.includes("is not trusted")))
    assert.strictEqual(await principalOf(tls, {}), "User:ANONYMOUS")
  })

  it("is not asked for on SASL_SSL unless that is said of the listener itself", async () => {
    await using tls = await startTls(mutual(), [{ ...SSL, name: "SASL_SSL", protocol: "SASL_SSL" }])
    await (await tls.connect())[Symbol.asyncDispose]()
    await using own = await startTls(mutual({ "listener.name.sasl_ssl.ssl.client.auth": "required" }), [
      { ...SSL, name: "SASL_SSL", protocol: "SASL_SSL" }
    ])
    assert.match(String(await refusal(own, {})), /CERTIFICATE_REQUIRED/)
  })
})

describe("what is no TLS", () => {
  it.each([
    ["Kafka's protocol without TLS", Buffer.from("0000001000120003", "hex")],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["no TLS", Buffer.from("EHLO x\r\n")]
  ])("%s: closes, with a line once a minute", async (name, bytes) => {
    await using tls = await startTls(pemSettings())
    for (const _ of [1, 2]) {
      const socket = connect(tls.broker.port, "127.0.0.1").on("error", () => {})
      socket.write(bytes)
      await within(new Promise((resolve) => socket.resume().once("close", resolve)), "the end")
    }
    const lines = tls.log.filter(({ text }) => text.includes(`this looks like ${name}`))
    assert.deepStrictEqual(
      lines.map(({ level }) => level),
      ["Warn", "Debug"]
    )
    assert.include(lines[0]!.text, "security.protocol=SSL")
  })

  it("half a hello is waited for as long as the setting says, and counts as a connection", async () => {
    await using tls = await startTls({
      ...pemSettings(),
      "tusk.tls.handshake.timeout.ms": 300,
      "max.connections.per.ip": 1
    })
    const socket = connect(tls.broker.port, "127.0.0.1").on("error", () => {})
    socket.write(Buffer.from("1603010200010001", "hex"))
    const closed = new Promise((resolve) => socket.resume().once("close", resolve))
    assert.isString(await refusal(tls, {}))
    await within(closed, "the end")
    assert.isTrue(tls.log.some(({ text }) => text.includes("tusk.tls.handshake.timeout.ms")))
    await (await tls.connect())[Symbol.asyncDispose]()
  })

  it("a broker that stops does not wait for handshakes", async () => {
    await using tls = await startTls(pemSettings())
    const socket = connect(tls.broker.port, "127.0.0.1").on("error", () => {})
    await new Promise((resolve) => socket.once("connect", resolve))
    socket.write(Buffer.from([0x16]))
    await (await tls.connect())[Symbol.asyncDispose]()
    await within(tls.broker.stop(), "the stop", 2000)
  })
})
