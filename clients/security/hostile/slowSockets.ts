/** Thousands of sockets that are slow, or come all at once, beside a client over TLS that wants its answers. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import type { Socket } from "node:net"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { connect as connectTls } from "node:tls"
import type { Report } from "../../../bench/groups/Report.ts"
import { sleep } from "../../../bench/groups/Report.ts"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { selfSigned } from "../../../packages/server/src/security/tls/selfSigned.ts"
import { requestFrame } from "../../../packages/server/test/WireClient.ts"
import { clientHellos } from "./Frames.ts"
import { errorLines, Memory, startHostileTusk } from "./HostileTusk.ts"
import type { Certificate, HostileTusk } from "./HostileTusk.ts"
import { shownPause, startNormalClient } from "./NormalClient.ts"
import type { NormalClient } from "./NormalClient.ts"

export interface SlowOptions {
  readonly sockets: number
  readonly key: "ecdsa" | "rsa"
}

/** Another address of loopback than that of the client which is measured. */
const FROM = "127.0.0.2"
/** With so much less than the frame that is announced a client stays. */
const PARTIAL_BYTES = 400_000
/** What an attack may take of the memory, MiB. */
const FLAT = 64

/** Sockets that are open until all of them are ended. */
class Crowd {
  readonly #sockets = new Set<Socket>()

  /** Opens one that says something, and opens another when it is closed. */
  stay(port: number, say: (socket: Socket) => void): void {
    const socket = connect({ port, host: "127.0.0.1", localAddress: FROM, noDelay: true })
    this.#sockets.add(socket)
    socket.on("error", () => {})
    socket.on("connect", () => say(socket))
    socket.resume()
    socket.on("close", () => {
      if (this.#sockets.delete(socket)) setTimeout(() => this.#isOver || this.stay(port, say), 100)
    })
  }

  #isOver = false

  end(): void {
    this.#isOver = true
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }
}

/** As many clients that stay; `say` is what each does once. */
const staying = async (count: number, port: number, say: (socket: Socket) => void, seconds: number) => {
  const crowd = new Crowd()
  for (let i = 0; i < count; i++) crowd.stay(port, say)
  await sleep(seconds * 1000)
  crowd.end()
}

/** So many whole handshakes at once; tells how many came about. */
const handshakes = async (count: number, port: number): Promise<number> => {
  let done = 0
  const one = () =>
    new Promise<void>((resolve) => {
      const net = connect({ port, host: "127.0.0.1", localAddress: FROM })
      const socket = connectTls({ socket: net, rejectUnauthorized: false })
      socket.on("secureConnect", () => {
        done++
        socket.destroy()
      })
      socket.on("error", () => {})
      net.on("error", () => {})
      socket.on("close", () => resolve())
    })
  await Promise.all(Array.from({ length: count }, one))
  return done
}

/** One byte a second of a frame, for as long as the broker lets it. */
const trickle = (bytes: Buffer) => (socket: Socket) => {
  let at = 0
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 1000)
  socket.on("close", () => clearInterval(timer))
  socket.write(bytes.subarray(at, ++at))
}

const handshake = requestFrame(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" }, 1)

/** Announces half a megabyte, sends most of it, and says no more. */
const partial = (() => {
  const frame = Buffer.alloc(4 + PARTIAL_BYTES)
  frame.writeInt32BE(524_288, 0)
  return frame
})()

type Attack = (tusk: HostileTusk, sockets: number) => Promise<unknown>

const attacks = (hello: Buffer): ReadonlyArray<readonly [name: string, attack: Attack]> => [
  ["a ClientHello, then silence", ({ ports }, n) => staying(n, ports.SSL, (socket) => socket.write(hello), 12)],
  ["SaslHandshake, then silence", ({ ports }, n) => staying(n, ports.SASL, (socket) => socket.write(handshake), 12)],
  ["quick TLS handshakes at once", ({ ports }, n) => handshakes(n, ports.SSL)],
  ["a byte a second of a ClientHello", ({ ports }, n) => staying(n, ports.SSL, trickle(hello), 12)],
  ["a byte a second of SASL", ({ ports }, n) => staying(n, ports.SASL, trickle(handshake), 12)],
  [
    "most of half a megabyte before login",
    ({ ports }, n) => staying(n, ports.SASL, (socket) => socket.write(partial), 12)
  ]
]

export const rsaPair = (): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-hostile-rsa-"))
  try {
    const [key, certificate] = [join(folder, "key"), join(folder, "certificate")]
    const asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    execFileSync("openssl", [...asked, ...names, "-keyout", key, "-out", certificate], { stdio: "ignore" })
    return { certificate: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const measured = async (tusk: HostileTusk, normal: NormalClient, options: SlowOptions, report: Report) => {
  const { key, sockets } = options
  await normal.since()
  await sleep(6000)
  const before = await normal.since()
  report.note(`${key}, without an attack`, `load ${loadavg()[0]!.toFixed(1)}; ${shownPause(before)}`)
  const [hello] = await clientHellos()
  for (const [name, attack] of attacks(hello!)) {
    const memory = new Memory(tusk)
    const done = await attack(tusk, sockets)
    const pause = await normal.since()
    const count = typeof done === "number" ? `${done} of ${sockets} came about` : `${sockets} sockets`
    const figure = `${count}; ${shownPause(pause)}`
    if (key === "ecdsa") report.check(`${key}, ${name}`, pause.p99Ms < 50, figure, "p99 below 50 ms")
    else report.note(`${key}, ${name}`, figure)
    report.check(
      `${key}, ${name}: the other is served`,
      pause.failures.length === 0,
      pause.failures[0] ?? "always",
      "always"
    )
    await sleep(2000)
    const shown = memory.stop()
    const more = Math.max(...memory.values) - memory.values[0]!
    report.check(`${key}, ${name}: memory`, more < FLAT, shown, `at most ${FLAT} MiB more`)
    await normal.since()
  }
}

export const slowSockets = async (options: SlowOptions, report: Report): Promise<void> => {
  const certificate = options.key === "rsa" ? rsaPair() : selfSigned()
  const tusk = await startHostileTusk({ certificate })
  const normal = await startNormalClient(tusk)
  try {
    await measured(tusk, normal, options, report)
    const errors = errorLines(tusk.log())
    report.check(`${options.key}: no error in the log`, errors.length === 0, errors[0]?.slice(0, 300) ?? "none", "none")
  } finally {
    normal.stop()
    await tusk.stop()
  }
}
