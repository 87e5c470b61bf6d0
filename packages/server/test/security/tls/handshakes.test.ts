/** How many handshakes go on at a time, and whose turn is next. */
import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { connect } from "node:net"
import type { Socket } from "node:net"
import { Handshakes } from "../../../src/security/tls/Handshakes.ts"
import { within } from "../../WireClient.ts"
import { pemSettings, startTls } from "./TlsUnderTest.ts"

const turn = () => new Promise((resolve) => setImmediate(resolve))

const world = (max: number) => {
  let now = 0
  const begun: Array<string> = []
  const handshakes = new Handshakes(max, () => now)
  const enter = (host: string, name: string) => {
    const handshake = {
      host,
      begin: () => void begun.push(name),
      giveUp: () => {
        begun.push(`-${name}`)
        handshakes.leave(handshake)
      }
    }
    handshakes.enter(handshake)
    return () => handshakes.leave(handshake)
  }
  return { begun, enter, handshakes, pass: (ms: number) => void (now += ms) }
}

describe("handshakes", () => {
  it("are begun a few a turn, and no more than the limit at a time", async () => {
    const { begun, enter } = world(10)
    const leaves = Array.from({ length: 30 }, (_, i) => enter("a", String(i)))
    assert.lengthOf(begun, 0)
    await turn()
    assert.lengthOf(begun, 8)
    await turn()
    await turn()
    assert.lengthOf(begun, 10)
    leaves[0]!()
    await turn()
    assert.lengthOf(begun, 11)
  })

  it("come in by turns of hosts", async () => {
    const { begun, enter } = world(2)
    const leave = enter("a", "a1")
    for (const name of ["a2", "a3", "a4"]) enter("a", name)
    await turn()
    enter("b", "b1")
    leave()
    await turn()
    assert.deepStrictEqual(begun, ["a1", "a2", "b1"])
  })

  it("give way when they stall and others wait, the oldest first", async () => {
    const { begun, enter, handshakes, pass } = world(2)
    for (const name of ["1", "2", "3"]) enter("a", name)
    await turn()
    pass(999)
    handshakes.giveWay()
    assert.deepStrictEqual(begun, ["1", "2"])
    pass(2)
    handshakes.giveWay()
    await turn()
    assert.deepStrictEqual(begun, ["1", "2", "-1", "3"])
    pass(5000)
    handshakes.giveWay()
    assert.lengthOf(begun, 4)
  })

  it("of many that stall keep nobody out who is served or comes", async () => {
    await using tls = await startTls({ ...pemSettings(), "tusk.tls.max.handshakes": 4 })
    await using served = await tls.connect()
    const silent: Array<Socket> = []
    for (let i = 0; i < 300; i++) {
      const socket = connect(tls.broker.port, "127.0.0.1").on("error", () => {})
      // Every other one says half of its hello.
      if (i % 2 === 0) socket.write(Buffer.from("1603010200010001", "hex"))
      silent.push(socket)
    }
    await within(Promise.all(silent.map((socket) => new Promise((resolve) => socket.once("connect", resolve)))), "all")
    assert.lengthOf((await served.call(Metadata, 12, { topics: [] })).brokers, 1)
    await using late = await tls.connect()
    assert.lengthOf((await late.call(Metadata, 12, { topics: [] })).brokers, 1)
    for (const socket of silent) socket.destroy()
  })
})
