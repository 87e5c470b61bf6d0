import { connect, createServer } from "node:net"

/** A broker in a process of its own, as the matrix and the benchmarks see it. */
export interface Broker {
  readonly name: string
  /** `host:port`; the same after a restart. */
  readonly bootstrap: string
  /** Ids of the processes that do its work; their descendants count as well. */
  readonly pids: () => ReadonlyArray<number>
  /** Stops it as an operator would (SIGTERM) and starts it on the same data. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A broker that can end as by a power cut, and come back on the same data and port. */
export interface KillableBroker extends Broker {
  /** SIGKILL to its own process; resolves when that has ended. A database beside it goes on. */
  readonly kill: () => Promise<void>
  /** Only after `kill`. */
  readonly start: () => Promise<void>
}

/** Below those that systems give to whoever connects: such a one may be taken again a moment later. */
const PORTS = { from: 20_000, count: 12_000 }
const PORT_TRIES = 20

/** A port that was free a moment ago, on loopback. */
export const freePort = async (): Promise<number> => {
  for (let left = PORT_TRIES; left > 0; left--) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error("no port is free")
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/** Sends one request frame and resolves with the body of the answer, after the correlation id. */
const ask = (port: number, apiKey: number, version: number, body: Buffer, timeoutMs: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const frame = Buffer.alloc(14 + body.length)
    frame.writeInt32BE(10 + body.length, 0)
    frame.writeInt16BE(apiKey, 4)
    frame.writeInt16BE(version, 6)
    frame.writeInt32BE(7, 8)
    frame.writeInt16BE(-1, 12)
    body.copy(frame, 14)
    const socket = connect(port, "127.0.0.1", () => socket.write(frame))
    let received = Buffer.alloc(0)
    const end = (result: Buffer | Error) => {
      socket.destroy()
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    socket.setTimeout(timeoutMs, () => end(new Error("no answer in time")))
    socket.on("error", end)
    socket.on("close", () => end(new Error("closed without an answer")))
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        end(received.subarray(8, 4 + received.readInt32BE(0)))
      }
    })
  })

/** Resolves when ApiVersions v0 is answered without an error. */
export const apiVersionsAnswered = async (port: number, timeoutMs = 5000): Promise<void> => {
  const answer = await ask(port, 18, 0, Buffer.alloc(0), timeoutMs)
  const error = answer.readInt16BE(0)
  if (error !== 0) throw new Error(`ApiVersions answered error ${error}`)
}

/** Resolves when Metadata names at least one broker: clients can work. */
const metadataAnswered = async (port: number): Promise<void> => {
  const noTopics = Buffer.alloc(4)
  const answer = await ask(port, 3, 1, noTopics, 5000)
  if (answer.readInt32BE(0) < 1) throw new Error("Metadata names no broker yet")
}

/** Polls until a broker serves on that port; `ended` says why it never will. */
export const untilServing = async (
  port: number,
  timeoutMs: number,
  ended: () => string | undefined,
  probe: (port: number) => Promise<void> = metadataAnswered
): Promise<void> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const reason = ended()
    if (reason !== undefined) throw new Error(reason)
    try {
      return await probe(port)
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`not serving on port ${port} after ${timeoutMs} ms: ${String(error)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
