import { assert, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import type { Socket } from "node:net"
import { Tusk } from "../../src/Tusk.ts"
import { AdminUnderTest } from "../observe/AdminUnderTest.ts"

/** What comes for these bytes, until the server closes the connection. */
const exchange = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let text = ""
    const socket: Socket = connect(port, "127.0.0.1", () => socket.write(bytes))
    socket.on("data", (chunk) => (text += chunk.toString()))
    socket.on("error", () => {})
    socket.on("close", () => resolve(text))
  })

describe("the admin server", () => {
  it("gives each page by GET and HEAD, and says what else is wrong", async () => {
    await using broker = await AdminUnderTest.start()
    for (const path of ["/metrics", "/livez", "/readyz", "/readyz?verbose"]) {
      const [status, body] = await broker.get(path)
      assert.deepStrictEqual([status, body.length > 0], [200, true], path)
      const head = await fetch(`${broker.base}${path}`, { method: "HEAD" })
      assert.deepStrictEqual([head.status, await head.text()], [200, ""], path)
      assert.isAbove(Number(head.headers.get("content-length")), 0)
    }
    const { headers } = await fetch(`${broker.base}/metrics`)
    assert.strictEqual(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
    for (const path of ["/", "/metrics/", "/../etc/passwd", "/METRICS"]) {
      assert.strictEqual((await broker.get(path))[0], 404, path)
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const refused = await fetch(`${broker.base}/metrics`, { method })
      assert.deepStrictEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"], method)
    }
  })

  it("cuts off what is no request, and headers that are too long", async () => {
    await using broker = await AdminUnderTest.start()
    const { port } = broker.tusk.admin!
    assert.match(await exchange(port, "\x16\x03\x01\x02\x00 not HTTP\r\n\r\n"), /^HTTP\/1\.1 400 /)
    const long = `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(10_000)}\r\n\r\n`
    assert.match(await exchange(port, long), /^HTTP\/1\.1 431 /)
    assert.deepStrictEqual(await broker.get("/livez"), [200, "live\n"])
  })

  it("takes so many connections and no more", async () => {
    await using broker = await AdminUnderTest.start()
    const { port } = broker.tusk.admin!
    const sockets: Array<Socket> = []
    const open = () =>
      new Promise<"answered" | "closed">((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"))
        sockets.push(socket)
        socket.once("data", () => resolve("answered"))
        socket.on("error", () => {})
        socket.once("close", () => resolve("closed"))
      })
    const outcomes = await Promise.all(Array.from({ length: 40 }, open))
    for (const socket of sockets) socket.destroy()
    assert.strictEqual(outcomes.filter((outcome) => outcome === "answered").length, 32)
  })

  it("a port that was asked for has to be free; one that was not is gone without", async () => {
    await using broker = await AdminUnderTest.start()
    const admin = { host: "127.0.0.1", port: broker.tusk.admin!.port }
    const failed = await AdminUnderTest.start({ admin }).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.deepInclude(failed as object, { _tag: "ListenError", port: admin.port })
    await using other = await AdminUnderTest.start({ admin: { ...admin, isOptional: true } })
    assert.isUndefined(other.tusk.admin)
  })

  it("goes with its broker, also while a client holds a connection", async () => {
    const broker = await AdminUnderTest.start()
    const { base } = broker
    await broker.get("/livez")
    await broker.stop()
    const gone = await fetch(`${base}/livez`).then(
      () => "there",
      () => "gone"
    )
    assert.strictEqual(gone, "gone")
  })

  it("is not there unless it is asked for", async () => {
    await using broker = await Tusk.start()
    assert.deepStrictEqual(Object.keys(broker).includes("admin"), false)
  })
})
