import { createServer } from "node:http"
import type { IncomingHttpHeaders, Server } from "node:http"
import type { AddressInfo } from "node:net"

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** An OpenTelemetry collector that keeps what it is sent. */
export class Collector implements AsyncDisposable {
  readonly received: Array<Received> = []
  /** It takes everything in and answers nothing. */
  isSilent = false
  /** What it answers. */
  status = 200
  readonly #server: Server
  readonly #watching = new Set<() => void>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Collector> {
    const server = createServer()
    const collector = new Collector(server)
    server.on("request", (request, response) => {
      const parts: Array<Buffer> = []
      request.on("data", (part: Buffer) => parts.push(part))
      request.on("end", () => {
        collector.received.push({ path: request.url!, headers: request.headers, body: Buffer.concat(parts) })
        if (!collector.isSilent) response.writeHead(collector.status).end("{}")
        for (const look of collector.#watching) look()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return collector
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What `pick` finds in what came, or comes. */
  until<A>(pick: (received: ReadonlyArray<Received>) => A | undefined): Promise<A> {
    return new Promise((resolve) => {
      const look = () => {
        const found = pick(this.received)
        if (found === undefined) return
        this.#watching.delete(look)
        resolve(found)
      }
      this.#watching.add(look)
      look()
    })
  }

  /** Bodies of a path, as JSON. */
  json(path: string): ReadonlyArray<any> {
    return this.received.filter((each) => each.path === path).map(({ body }): unknown => JSON.parse(body.toString()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
