import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import type { Faults } from "./Faults.ts"
import type { View, World } from "./World.ts"

type Chunks = readonly [Uint8Array, ...Array<Uint8Array>]

/** Why a read or write fails: the other side went, or the way to it. */
const gone = (): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006, closeReason: "connection lost" }) })

/** One end of a connection. All of what comes in goes through its view: a dead broker hears nothing. */
class End {
  readonly view: View
  readonly #arriving: Array<Uint8Array | "end"> = []
  #inbox: Array<Uint8Array> = []
  #closed = false
  #waiting: ((effect: Effect.Effect<Chunks, Socket.SocketError>) => void) | undefined
  /** Told when no more will come. */
  onGone = () => {}

  constructor(view: View) {
    this.view = view
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Bytes, or the news that no more will come: in this order, whenever the process gets round to it. */
  arrive(what: Uint8Array | "end"): void {
    this.#arriving.push(what)
    this.view.post(() => {
      const next = this.#arriving.shift()!
      if (this.#closed) return
      if (next === "end") this.#closed = true
      else this.#inbox.push(next)
      this.#wake()
      if (next === "end") this.onGone()
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    waiting(this.#next())
  }

  #next(): Effect.Effect<Chunks, Socket.SocketError> {
    if (this.#inbox.length === 0) return Effect.fail(gone())
    const chunks = this.#inbox
    this.#inbox = []
    return Effect.succeed(chunks as [Uint8Array, ...Array<Uint8Array>])
  }

  readonly pull: Effect.Effect<Chunks, Socket.SocketError> = Effect.suspend(() => {
    if (this.#inbox.length > 0 || this.#closed) return this.#next()
    return Effect.callback<Chunks, Socket.SocketError>((resume) => {
      this.#waiting = resume
      return Effect.sync(() => {
        this.#waiting = undefined
      })
    })
  })
}

/** A connection of two ends: in each direction bytes keep their order, take their time, and may be lost with the rest. */
export class Connection {
  readonly client: End
  readonly server: End
  #isCut = false
  /** Until when the direction to the client, to the server is busy. */
  readonly #busyUntilMs = [0, 0]
  readonly #broken = [false, false]
  readonly #world: World
  readonly #air: View
  readonly #faults: Faults

  constructor(world: World, air: View, faults: Faults, client: View, server: View) {
    this.#world = world
    this.#air = air
    this.#faults = faults
    this.client = new End(client)
    this.server = new End(server)
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** Both ends find out, each in its time; what is under way is lost. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    for (const end of [this.client, this.server]) {
      this.#air.after(this.#faults.delayMs(), () => end.arrive("end"))
    }
  }

  #send(to: End, direction: 0 | 1, bytes: Uint8Array): void {
    if (this.#isCut || this.#broken[direction]!) return
    const at = Math.max(this.#busyUntilMs[direction]!, this.#world.nowMs + this.#faults.delayMs())
    this.#busyUntilMs[direction] = at
    const fate = this.#faults.ofBytes()
    // A slice of its own: what the other process does with its bytes is its own affair.
    const copy = Uint8Array.from(fate === "half" ? bytes.subarray(0, bytes.byteLength >>> 1) : bytes)
    if (fate === "cut") return this.cut()
    const pieces =
      fate === "split" && copy.byteLength > 1
        ? [copy.subarray(0, copy.byteLength >>> 1), copy.subarray(copy.byteLength >>> 1)]
        : [copy]
    for (const piece of pieces) {
      this.#air.after(at - this.#world.nowMs, () => {
        if (!this.#isCut) to.arrive(piece)
      })
    }
    // Nothing comes behind the half.
    this.#broken[direction] = fate === "half"
    if (fate === "half") this.#air.after(at - this.#world.nowMs + 1, () => this.cut())
  }

  /** A client writes. Bytes on a lost connection go nowhere. */
  toServer(bytes: Uint8Array): void {
    this.#send(this.server, 1, bytes)
  }

  /** The broker's end, as it sees it. */
  serverSocket(): Socket.Socket {
    const write = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, Socket.SocketError> =>
      Effect.suspend(() => {
        if (this.server.isClosed) return Effect.fail(gone())
        this.#send(this.client, 0, Buffer.concat(chunks))
        return Effect.void
      })
    return Socket.make({
      reader: Effect.as(
        Effect.addFinalizer(() => Effect.sync(() => this.cut())),
        { pull: this.server.pull, upgrade: () => Effect.die(new Error("no TLS in a simulation")) }
      ),
      writer: Effect.succeed({
        write: (chunk) => write([chunk as Uint8Array]),
        writeAll: (chunks) => write(chunks as ReadonlyArray<Uint8Array>)
      })
    })
  }
}

/** Takes a connection, and what its broker may know of the other end. */
type Accept = (
  socket: Socket.Socket,
  end: { readonly onGone: (gone: () => void) => void; readonly isClosed: () => boolean }
) => void

/** The simulated network: which brokers listen, and all that is connected. */
export class SimNetwork {
  readonly #world: World
  readonly #air: View
  readonly #faults: Faults
  readonly #listeners = new Map<number, { readonly view: View; readonly accept: Accept }>()
  #open: Array<{ readonly port: number; readonly connection: Connection }> = []

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#air = world.view("network")
    this.#faults = faults
  }

  listen(port: number, view: View, accept: Accept): void {
    this.#listeners.set(port, { view, accept })
  }

  /** No broker listens here any more, and what was connected is cut. */
  close(port: number): void {
    this.#listeners.delete(port)
    for (const { connection, port: its } of this.#open) if (its === port) connection.cut()
  }

  /** No client is let in here any more; those that are in may stay. */
  refuse(port: number): void {
    this.#listeners.delete(port)
  }

  cutOne(): void {
    this.#open = this.#open.filter(({ connection }) => !connection.isCut)
    if (this.#open.length > 0) this.#world.chance.pick(this.#open).connection.cut()
  }

  /** Undefined: refused. */
  connect(port: number, client: View): Connection | undefined {
    const listener = this.#listeners.get(port)
    if (listener === undefined) return undefined
    if (this.#open.length > 64) this.#open = this.#open.filter(({ connection }) => !connection.isCut)
    const connection = new Connection(this.#world, this.#air, this.#faults, client, listener.view)
    this.#open.push({ port, connection })
    const { server } = connection
    const onGone = (gone: () => void) => {
      server.onGone = gone
    }
    listener.view.post(() => listener.accept(connection.serverSocket(), { onGone, isClosed: () => server.isClosed }))
    return connection
  }
}
