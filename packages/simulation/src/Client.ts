import type { Api } from "@tusk/protocol/codec/Api"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeRequest } from "@tusk/protocol/Header"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Chance } from "./Chance.ts"
import type { Database } from "./Database.ts"
import type { Connection, SimNetwork } from "./SimNetwork.ts"
import type { View, World } from "./World.ts"

/** No answer will come: the request happened, or will yet, or never. `sent` is false where it never left. */
export class Lost extends Data.TaggedError("Lost")<{ readonly sent: boolean }> {}

/** What all clients of a world share. */
export interface ClientWorld {
  readonly world: World
  readonly network: SimNetwork
  readonly view: View
  readonly ports: ReadonlyArray<number>
  readonly database: Database
  requests: number
}

/** One client's connection; after a loss the next request goes over a new one, to one broker or another. */
export class Client {
  readonly name: string
  /** Counts the connections: what was learned on one may not hold on the next. */
  epoch = 0
  #connection: Connection | undefined
  #rest: Buffer = Buffer.alloc(0)
  #lastId = 0
  /** Correlation ids of what was sent on this connection and not answered. */
  #awaited: Array<number> = []
  #port: number
  #server = ""
  readonly #shared: ClientWorld
  readonly #chance: Chance
  readonly #writer = new Writer()

  constructor(shared: ClientWorld, name: string) {
    this.#shared = shared
    this.name = name
    this.#chance = shared.world.chance.fork()
    this.#port = this.#chance.pick(shared.ports)
  }

  get chance(): Chance {
    return this.#chance
  }

  get isConnected(): boolean {
    return this.#connection?.isCut === false
  }

  get nowMs(): number {
    return this.#shared.world.nowMs
  }

  /** Whether the last answer, to what was sent at `sinceMs`, may come from a broker that another one has taken over from. */
  mayBeBehind(sinceMs: number): boolean {
    return this.#shared.database.mayBeBehind(this.#server, sinceMs)
  }

  log(text: string): void {
    this.#shared.world.log(`${this.name} ${text}`)
  }

  /** Lets go of the connection; the next one leads to another broker. */
  disconnect(): void {
    this.#connection?.cut()
    this.#connection = undefined
    this.#awaited = []
    const { ports } = this.#shared
    this.#port = ports[(ports.indexOf(this.#port) + 1) % ports.length]!
  }

  /** Sends without waiting for the answer; answers come in order. */
  send<Req, Res>(api: Api<Req, Res>, version: number, body: Req): Effect.Effect<void, Lost> {
    return Effect.suspend(() => {
      if (this.#awaited.length > 0 && this.#connection?.isCut !== false) {
        this.disconnect()
        return Effect.fail(new Lost({ sent: false }))
      }
      if (this.#connection === undefined || this.#connection.isCut) {
        this.#connection = this.#shared.network.connect(this.#port, this.#shared.view)
        this.#rest = Buffer.alloc(0)
        this.#server = this.#connection?.server.view.name ?? ""
        this.epoch++
        if (this.#connection === undefined) {
          this.disconnect()
          return Effect.andThen(Effect.sleep(100), Effect.fail(new Lost({ sent: false })))
        }
      }
      this.#shared.requests++
      this.#awaited.push(++this.#lastId)
      const frame = encodeRequest(api, version, this.#lastId, this.name, body, this.#writer)
      this.#connection.toServer(Buffer.concat(frame))
      return Effect.void
    })
  }

  /** The next answer. */
  receive<Req, Res>(api: Api<Req, Res>, version: number, timeoutMs: number): Effect.Effect<Res, Lost> {
    return this.#frame.pipe(
      Effect.timeoutOption(timeoutMs),
      Effect.flatMap((frame) => {
        if (Option.isNone(frame)) {
          this.disconnect()
          return Effect.fail(new Lost({ sent: true }))
        }
        const { body, correlationId } = Result.getOrThrow(decodeResponse(api, version, frame.value))
        const due = this.#awaited.shift()
        if (correlationId !== due) return Effect.die(new Error(`answer ${correlationId} came where ${due} was due`))
        return Effect.succeed(body)
      })
    )
  }

  call<Req, Res>(api: Api<Req, Res>, version: number, body: Req, timeoutMs = 3000): Effect.Effect<Res, Lost> {
    return Effect.andThen(this.send(api, version, body), this.receive(api, version, timeoutMs))
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
