import type { Api } from "@tusk/protocol/codec/Api"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeRequest } from "@tusk/protocol/Header"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Chance } from "./Chance.ts"
import type { Asked } from "./LogHistory.ts"
import type { Connection, SimNetwork } from "./SimNetwork.ts"
import type { View } from "./World.ts"
import { type Asker, type Evidence, judge } from "./judging.ts"
import { REQUEST_TIMEOUT_MS } from "./limits.ts"

/** An answer that left in time may be so long on its way, its question too, and the one before it. */
const LONGEST_WAY_MS = 12_000
/** How many of a thousand answers are waited for as long as any client would. */
const PATIENCE = 150

/** No answer will come: the request happened, or will yet, or never. `sent` is false if it never left. */
export class Lost extends Data.TaggedError("Lost")<{ readonly sent: boolean }> {}

/** What all clients of a world share. */
export interface ClientWorld extends Evidence {
  readonly network: SimNetwork
  readonly view: View
  readonly ports: ReadonlyArray<number>
  /** Records have keys, which may be erased. */
  readonly hasKeys: boolean
  requests: number
}

/** A request, ready to be sent. */
export interface Request {
  readonly api: Api<any, any>
  readonly version: number
  readonly body: unknown
}

export const request = <Req, Res>(api: Api<Req, Res>, version: number, body: Req): Request => ({ api, version, body })

/** One client's connection; after a loss the next request goes over a new one, to one broker or another. */
export class Client implements Asker {
  readonly name: string
  readonly isNuisance: boolean
  /** Counts the connections: what was learned on one may not hold on the next. */
  epoch = 0
  #connection: Connection | undefined
  #rest: Buffer = Buffer.alloc(0)
  #lastId = 0
  /** What was sent on this connection and not answered. */
  #awaited: Array<{ readonly id: number; readonly sentMs: number }> = []
  #lastSentMs = 0
  /** When that was sent which was answered last. */
  #answeredSentMs = 0
  /** Until then the broker takes nothing from this connection, as it said (KIP-219). */
  #mutedUntilMs = 0
  /** The broker said that another one is to be asked. */
  #turns = false
  #port: number
  readonly #ports: ReadonlyArray<number>
  #server: View | undefined
  readonly #shared: ClientWorld
  readonly #chance: Chance
  readonly #writer = new Writer()

  /** `ports`: of another listener of the brokers. */
  constructor(shared: ClientWorld, name: string, isNuisance = false, ports = shared.ports) {
    this.#shared = shared
    this.name = name
    this.isNuisance = isNuisance
    this.#chance = shared.world.chance.fork()
    this.#ports = ports
    this.#port = this.#chance.pick(ports)
  }

  get chance(): Chance {
    return this.#chance
  }

  get isConnected(): boolean {
    return this.#connection?.isCut === false
  }

  /** What is sent next goes over a new connection. */
  get beginsAnew(): boolean {
    return !this.isConnected || this.#awaited.length > 0 || this.#turns
  }

  get nowMs(): number {
    return this.#shared.world.nowMs
  }

  /** The clock of a broker it asked was set: what goes by it may come early or late. */
  get hasMetClockStep(): boolean {
    return this.#shared.history.clockSteps > 0
  }

  /** About the last answer. */
  get asked(): Asked {
    const sentMs = this.#answeredSentMs
    return { client: this.name, sentMs, nowMs: this.nowMs, isBehind: this.#isBehind(sentMs, sentMs) }
  }

  /** Whether what was answered to what was sent from `sinceMs` on may come from a broker that another one has taken over from. */
  mayBeBehind(sinceMs: number): boolean {
    return this.#isBehind(sinceMs, this.#lastSentMs)
  }

  #isBehind(firstMs: number, lastMs: number): boolean {
    return this.#shared.database.reigns.mayBeBehind(this.#server?.name ?? "", firstMs, lastMs)
  }

  log(text: string): void {
    this.#shared.world.log(`${this.name} ${text}`)
  }

  /** Lets go of the connection; the next one leads to another broker. */
  disconnect(): void {
    this.#connection?.cut()
    this.#connection = undefined
    this.#awaited = []
    this.#turns = false
    const ports = this.#ports
    this.#port = ports[(ports.indexOf(this.#port) + 1) % ports.length]!
  }

  /** Sends without waiting for the answer; answers come in order. */
  send<Req, Res>(api: Api<Req, Res>, version: number, body: Req): Effect.Effect<void, Lost> {
    return this.sendAll([{ api, version, body }])
  }

  /** One behind the other in one segment. */
  sendAll(requests: ReadonlyArray<Request>): Effect.Effect<void, Lost> {
    return Effect.suspend(() => {
      if (this.#awaited.length > 0 && this.#connection?.isCut !== false) {
        this.disconnect()
        return Effect.fail(new Lost({ sent: false }))
      }
      if (this.#turns && this.#awaited.length === 0) this.disconnect()
      if (this.#connection === undefined || this.#connection.isCut) {
        this.#connection = this.#shared.network.connect(this.#port, this.#shared.view)
        this.#rest = Buffer.alloc(0)
        this.#mutedUntilMs = 0
        this.#server = this.#connection?.server.view
        this.epoch++
        if (this.#connection === undefined) {
          this.disconnect()
          return Effect.andThen(Effect.sleep(100), Effect.fail(new Lost({ sent: false })))
        }
      }
      const sentMs = this.nowMs
      this.#lastSentMs = sentMs
      this.#shared.requests += requests.length
      const frames = requests.flatMap(({ api, body, version }) => {
        this.#awaited.push({ id: ++this.#lastId, sentMs })
        return encodeRequest(api, version, this.#lastId, this.name, body, this.#writer)
      })
      this.#connection.toServer(Buffer.concat(frames))
      return Effect.void
    })
  }

  /** The next answer. `waitsMs`: how long the broker was asked to wait with it. */
  receive<Req, Res>(api: Api<Req, Res>, version: number, timeoutMs: number, waitsMs = 0): Effect.Effect<Res, Lost> {
    return Effect.suspend(() => {
      const mutedMs = Math.max(0, this.#mutedUntilMs - this.nowMs)
      const limitMs = mutedMs + waitsMs + REQUEST_TIMEOUT_MS + LONGEST_WAY_MS
      const isPatient = this.#chance.permille(PATIENCE)
      return Effect.flatMap(this.#await(isPatient ? limitMs : timeoutMs, isPatient), (frame) => {
        if (Option.isNone(frame)) {
          if (isPatient) this.#unanswered(api, limitMs, waitsMs)
          this.disconnect()
          return Effect.fail(new Lost({ sent: true }))
        }
        const { body, correlationId } = Result.getOrThrow(decodeResponse(api, version, frame.value))
        const due = this.#awaited.shift()
        if (correlationId !== due?.id)
          return Effect.die(new Error(`answer ${correlationId} came where ${due?.id} was due`))
        this.#answeredSentMs = due.sentMs
        const { throttleTimeMs } = body as { readonly throttleTimeMs?: number }
        if (throttleTimeMs !== undefined && throttleTimeMs > 0) this.#mute(throttleTimeMs)
        const judged = judge(this.#shared, this, this.#server?.name ?? "", api, due.sentMs, body)
        this.#turns ||= judged.turns && this.#chance.permille(500)
        return Effect.succeed(body)
      })
    })
  }

  #mute(forMs: number): void {
    this.log(`is to send nothing for ${forMs} ms`)
    this.#mutedUntilMs = Math.max(this.#mutedUntilMs, this.nowMs + forMs)
  }

  /** The next frame; none within the time. A broker that stands still is waited for, if the client is patient. */
  #await(timeoutMs: number, isPatient: boolean): Effect.Effect<Option.Option<Buffer>, Lost> {
    return Effect.suspend(() => {
      const heldMs = this.#server?.heldMs ?? 0
      return Effect.flatMap(Effect.timeoutOption(this.#frame, timeoutMs), (frame) => {
        const stoodMs = (this.#server?.heldMs ?? 0) - heldMs
        return Option.isNone(frame) && isPatient && stoodMs > 0 ? this.#await(stoodMs, true) : Effect.succeed(frame)
      })
    })
  }

  /** E1: a request is answered within its limits, or its connection closes. */
  #unanswered(api: Api<any, any>, limitMs: number, waitsMs: number): void {
    // If the clock was set, what was to wait waits as long as it likes.
    if (this.#connection === undefined || (waitsMs > 0 && this.#server?.hasStepped === true)) return
    const text = `${this.name} waits for ${api.name} of ${this.#server?.name} for ${limitMs} ms`
    this.#shared.history.violate("E1", text)
    this.log(text)
  }

  call<Req, Res>(
    api: Api<Req, Res>,
    version: number,
    body: Req,
    timeoutMs = 3000,
    waitsMs = 0
  ): Effect.Effect<Res, Lost> {
    return Effect.andThen(this.send(api, version, body), this.receive(api, version, timeoutMs, waitsMs))
  }

  readonly #frame: Effect.Effect<Buffer, Lost> = Effect.suspend(() => {
    const rest = this.#rest
    if (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      this.#rest = rest.subarray(end)
      return Effect.succeed(rest.subarray(4, end))
    }
    if (this.#connection === undefined) return Effect.fail(new Lost({ sent: true }))
    return this.#connection.client.pull.pipe(
      Effect.mapError(() => {
        this.disconnect()
        return new Lost({ sent: true })
      }),
      Effect.flatMap((chunks) => {
        this.#rest = Buffer.concat([this.#rest, ...chunks])
        return this.#frame
      })
    )
  })
}
