/** An HTTP proxy before a store, on which no request can rely. */
import { Agent, createServer, request as ask } from "node:http"
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http"
import process from "node:process"
import { sleep } from "../../bench/groups/Report.ts"

/** What may become of a request; "before" and "after" it is carried out. */
export const FAULTS = [
  "500 before",
  "503 before",
  "cut before",
  "silence",
  "500 after",
  "cut after",
  "half an answer",
  "delay"
] as const
export type FaultName = (typeof FAULTS)[number]

/** A third of all requests do not go as they should. */
export const RATES: Readonly<Record<FaultName, number>> = {
  "500 before": 0.03,
  "503 before": 0.03,
  "cut before": 0.03,
  silence: 0.004,
  "500 after": 0.03,
  "cut after": 0.04,
  "half an answer": 0.03,
  delay: 0.15
}

/** `SEED`, or another one each time. */
export const seedOf = (): number => Number(process.env["SEED"] ?? Date.now() % 1e9)

/** Numbers from 0 to 1 from a seed (mulberry32). */
export const randomOf = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const bytesOf = async (stream: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export class FaultyS3 {
  readonly port: number
  /** How likely each is, from 0 to 1; they may be changed at any time. */
  rates: Partial<Record<FaultName, number>> = {}
  readonly counts = new Map<FaultName | "none", number>()
  readonly #target: number
  readonly #random: () => number
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(port: number, target: number, random: () => number, server: Server) {
    this.port = port
    this.#target = target
    this.#random = random
    this.#server = server
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => request.socket.destroy())
    })
  }

  static listen(port: number, target: number, random: () => number): Promise<FaultyS3> {
    const server = createServer()
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen(port, "127.0.0.1", () => resolve(new FaultyS3(port, target, random, server)))
    })
  }

  stop(): Promise<void> {
    this.#agent.destroy()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #dice(): FaultName | "none" {
    let left = this.#random()
    for (const name of FAULTS) {
      left -= this.rates[name] ?? 0
      if (left < 0) return name
    }
    return "none"
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#dice()
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1)
    if (fault === "cut before") return void request.socket.resetAndDestroy()
    if (fault === "silence") return
    const body = await bytesOf(request)
    if (fault === "500 before") return refuse(response, 500, "InternalError")
    if (fault === "503 before") return refuse(response, 503, "SlowDown")
    if (fault === "delay") await sleep(this.#random() * 1500)
    const answer = await this.#forward(request, body)
    if (fault === "500 after") return refuse(response, 500, "InternalError")
    if (fault === "cut after") return void request.socket.resetAndDestroy()
    response.writeHead(answer.status, answer.headers)
    if (fault !== "half an answer") return void response.end(answer.body)
    response.write(answer.body.subarray(0, answer.body.length >> 1), () => request.socket.resetAndDestroy())
  }

  /** It goes on even if who asked is gone: what is under way may still happen. */
  #forward({ headers, method, url }: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const to = { host: "127.0.0.1", port: this.#target, path: url, method, headers, agent: this.#agent }
      const asked = ask(to as never, (answer: IncomingMessage) => {
        const { headers: heads, statusCode = 0 } = answer
        bytesOf(answer).then((bytes) => resolve({ status: statusCode, headers: heads, body: bytes }), reject)
      })
      asked.once("error", reject)
      asked.end(body)
    })
  }
}

const refuse = (response: ServerResponse, status: number, code: string): void => {
  const body = `<Error><Code>${code}</Code><Message>on purpose</Message></Error>`
  response.writeHead(status, { "content-type": "application/xml", "content-length": body.length })
  response.end(body)
}
