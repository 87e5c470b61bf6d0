import { connect, createServer } from "node:net"
import type { Server, Socket } from "node:net"

interface Link {
  readonly client: Socket
  readonly up: Socket
  /** Bytes that went up since the last byte that came down: what of a request is under way. */
  burst: number
  /** Nothing passes, and neither side learns that the other is gone. */
  vanished: boolean
}

/**
 * A TCP proxy on loopback, of which one side can be made to vanish, be slow, or be somewhere else. It may be told at any
 * time; what is under way obeys from then on.
 */
export class Proxy {
  readonly port: number
  /** Where new connections lead. */
  target: number
  /** Bytes a second and connection towards the target; undefined: as many as come. */
  bytesPerSecond: number | undefined
  /** Milliseconds that each piece waits, both ways. */
  delayMs = 0
  /** New connections are taken and lead nowhere. */
  swallows = false
  readonly #server: Server
  readonly #links = new Set<Link>()
  #hold: { readonly bytes: number; readonly held: () => void } | undefined
  readonly #held: Array<() => void> = []

  private constructor(port: number, target: number, server: Server) {
    this.port = port
    this.target = target
    this.#server = server
    server.on("connection", (client) => this.#link(client))
  }

  static listen(port: number, target: number): Promise<Proxy> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true })
      const proxy = new Proxy(port, target, server)
      server.once("error", reject)
      server.listen(port, "127.0.0.1", () => resolve(proxy))
    })
  }

  #link(client: Socket): void {
    const up = connect({ port: this.target, host: "127.0.0.1", noDelay: true })
    const link: Link = { client, up, burst: 0, vanished: this.swallows }
    this.#links.add(link)
    for (const socket of [client, up]) socket.on("error", () => {})
    client.on("close", () => {
      this.#links.delete(link)
      up.destroy()
    })
    up.on("close", () => {
      if (!link.vanished) client.destroy()
    })
    client.on("data", (chunk: Buffer) => void this.#up(link, chunk))
    up.on("data", (chunk: Buffer) => {
      link.burst = 0
      void this.#pass(link, up, client, chunk)
    })
  }

  async #up(link: Link, chunk: Buffer): Promise<void> {
    const { client, up } = link
    link.burst += chunk.length
    const hold = this.#hold
    if (hold !== undefined && link.burst >= hold.bytes) {
      this.#hold = undefined
      client.pause()
      this.#held.push(() => {
        client.resume()
        if (!link.vanished) up.write(chunk)
      })
      return hold.held()
    }
    const rate = this.bytesPerSecond
    if (rate !== undefined) {
      client.pause()
      setTimeout(() => client.resume(), (chunk.length / rate) * 1000)
    }
    await this.#pass(link, client, up, chunk)
  }

  async #pass(link: Link, from: Socket, to: Socket, chunk: Buffer): Promise<void> {
    // Timers of one length keep their order, and so the bytes theirs.
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs))
    if (link.vanished || to.destroyed) return
    if (!to.write(chunk) && this.bytesPerSecond === undefined) {
      from.pause()
      to.once("drain", () => from.resume())
    }
  }

  /** What is behind it vanishes: no byte passes on connections there are, nothing is closed. New ones lead to `target`. */
  vanish(): void {
    for (const link of this.#links) link.vanished = true
  }

  /** All connections there are end at once. */
  cut(): void {
    for (const { client, up } of this.#links) {
      client.resetAndDestroy()
      up.destroy()
    }
  }

  /** New connections lead there, and those there are end. */
  switchTo(target: number): void {
    this.target = target
    this.cut()
  }

  /** The next request that grows beyond so many bytes stops there, half sent, until `release`. Resolves when one has. */
  holdAfter(bytes: number): Promise<void> {
    return new Promise((held) => (this.#hold = { bytes, held }))
  }

  release(): void {
    for (const go of this.#held.splice(0)) go()
  }

  get connections(): number {
    return this.#links.size
  }

  stop(): Promise<void> {
    this.cut()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}
