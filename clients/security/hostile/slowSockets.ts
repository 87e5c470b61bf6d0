/** Thousands of sockets that are slow, or come all at once, beside a client over TLS that wants its answers. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import type { Socket } from "node:net"
import { constants, loadavg, setPriority, tmpdir } from "node:os"
import { join } from "node:path"
import { connect as connectTls } from "node:tls"
import { cpuSeconds } from "../../../bench/kafka/ProcessTree.ts"
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
const ATTACK_SECONDS = 12
const QUIET_SECONDS = 3
/** Of memory, MiB: what a second round takes more than the first, and all that there is at any time. */
const FLAT = 64
const SMALL = 768

/** Sockets that are open until all of them are ended. */
class Crowd {
  readonly #sockets = new Set<Socket>()

  /** Opens one that says something, and opens another when it is closed. */
  stay(port: number, say: (socket: Socket) => unknown): void {
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
const staying = async (count: number, port: number, say: (socket: Socket) => unknown, seconds: number) => {
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

const FLOODS = [
  "most of half a megabyte before login",
  "a ClientHello with megabytes behind it, behind some without"
] as const
/** More than Node reads ahead. */
const FLOOD_BYTES = 1_000_000

/** Of so many sockets, for so many seconds; tells what came of it, if that is a number. */
type Attack = (tusk: HostileTusk, sockets: number, seconds: number) => Promise<number | void>

/** Every other one is silent behind its hello, and stalls the handshakes of the others. */
const floodBehind = (hello: Buffer) => {
  const flood = Buffer.concat([hello, Buffer.alloc(FLOOD_BYTES)])
  let said = 0
  return (socket: Socket) => socket.write(said++ % 2 === 0 ? hello : flood)
}

const attacks = (hello: Buffer): ReadonlyArray<readonly [name: string, attack: Attack]> => {
  const saying =
    (port: "SSL" | "SASL", say: (socket: Socket) => unknown): Attack =>
    ({ ports }, sockets, seconds) =>
      staying(sockets, ports[port], say, seconds)
  return [
    ["a ClientHello, then silence", saying("SSL", (socket) => socket.write(hello))],
    ["SaslHandshake, then silence", saying("SASL", (socket) => socket.write(handshake))],
    ["quick TLS handshakes at once", ({ ports }, sockets) => handshakes(sockets, ports.SSL)],
    ["a byte a second of a ClientHello", saying("SSL", trickle(hello))],
    ["a byte a second of SASL", saying("SASL", trickle(handshake))],
    [FLOODS[0], saying("SASL", (socket) => socket.write(partial))],
    [FLOODS[1], saying("SSL", floodBehind(hello))]
  ]
}

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

interface Scene {
  readonly tusk: HostileTusk
  readonly normal: NormalClient
  readonly options: SlowOptions
  readonly report: Report
}

/** One attack beside the normal client, and what that had a moment before. */
const measured = async ({ normal, options, report, tusk }: Scene, name: string, attack: Attack) => {
  const { key, sockets } = options
  await normal.since()
  await sleep(QUIET_SECONDS * 1000)
  const before = await normal.since()
  const cpu = cpuSeconds([tusk.pid])
  const memory = new Memory(tusk)
  const begunMs = performance.now()
  const done = await attack(tusk, sockets, ATTACK_SECONDS)
  const pause = await normal.since()
  const seconds = (performance.now() - begunMs) / 1000
  const used = `Tusk ${(((cpuSeconds([tusk.pid]) - cpu) / seconds) * 100).toFixed(0)} % of a core, load ${loadavg()[0]!.toFixed(1)}, ${memory.stop()}`
  const came = done === undefined ? `${sockets} sockets` : `${done} of ${sockets} came about in ${seconds.toFixed(1)} s`
  const figure = `${came}, ${used}; ${shownPause(pause)}; a moment before p50 ${before.p50Ms.toFixed(1)}, p99 ${before.p99Ms.toFixed(1)} ms`
  // As many bytes a second as loopback carries: what they cost is told, what they keep is checked.
  const isFlood = FLOODS.some((flood) => flood === name)
  if (key === "ecdsa" && !isFlood) report.check(`${key}, ${name}`, pause.p99Ms < 50, figure, "p99 below 50 ms")
  else report.note(`${key}, ${name}`, figure)
  const [failure = "always"] = pause.failures
  report.check(`${key}, ${name}: the other is served`, pause.failures.length === 0, failure, "always")
}

/** All attacks twice: what the second round takes of the memory is to be what the first one took. */
const allOf = async (scene: Scene) => {
  const { options, report, tusk } = scene
  const all = attacks((await clientHellos())[0]!)
  const first = new Memory(tusk)
  for (const [, attack] of all) await attack(tusk, options.sockets, ATTACK_SECONDS)
  const told = first.stop()
  const second = new Memory(tusk)
  for (const [name, attack] of all) await measured(scene, name, attack)
  const shown = second.stop()
  const more = Math.max(...second.values) - Math.max(...first.values)
  report.check(`${options.key}: memory is flat`, more < FLAT, `${shown}; the first time ${told}`, `${FLAT} MiB more`)
  const greatest = Math.max(...first.values, ...second.values)
  report.check(
    `${options.key}: memory is small`,
    greatest < SMALL,
    `at most ${greatest.toFixed(0)} MiB`,
    `${SMALL} MiB`
  )
}

export const slowSockets = async (options: SlowOptions, report: Report): Promise<void> => {
  const certificate = options.key === "rsa" ? rsaPair() : selfSigned()
  const tusk = await startHostileTusk({ certificate })
  const normal = await startNormalClient(tusk)
  // Who attacks has a machine of its own, as far as that can be had on one.
  setPriority(constants.priority.PRIORITY_LOW)
  try {
    await allOf({ tusk, normal, options, report })
    const errors = errorLines(tusk.log())
    report.check(`${options.key}: no error in the log`, errors.length === 0, errors[0]?.slice(0, 300) ?? "none", "none")
  } finally {
    setPriority(constants.priority.PRIORITY_NORMAL)
    normal.stop()
    await tusk.stop()
  }
}
