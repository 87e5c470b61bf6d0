import type { Api } from "@tusk/protocol/codec/Api"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import * as Effect from "effect/Effect"
import { guardedPort } from "./Broker.ts"
import { Client, type ClientWorld, Lost } from "./Client.ts"
import type { History } from "./History.ts"
import { passwordOf } from "./limits.ts"

/** A session is renewed after so much of it, out of a thousand; now and then too late. */
const RENEWED_FROM = 500
const RENEWED_TO = 1100
/** How many of a thousand that renew their session say that they are somebody else. */
const PRETENDERS = 100

/** A client that has a name: it logs in by PLAIN on each new connection, and again before its session ends (KIP-368). */
export class LoggedIn {
  readonly client: Client
  readonly #user: string
  readonly #other: string
  readonly #history: History
  /** The connection on which it has logged in. */
  #epoch = -1
  #renewsAtMs = 0

  constructor(shared: ClientWorld, history: History, user: string, other: string, name = user) {
    this.client = new Client(shared, name, false, shared.ports.map(guardedPort))
    this.#history = history
    this.#user = user
    this.#other = other
  }

  call<Req, Res>(api: Api<Req, Res>, version: number, body: Req, waitsMs = 0): Effect.Effect<Res, Lost> {
    return Effect.andThen(
      this.#login,
      Effect.suspend(() => this.client.call(api, version, body, 3000, waitsMs))
    )
  }

  readonly #login: Effect.Effect<void, Lost> = Effect.suspend(() => {
    const { client } = this
    if (client.beginsAnew || this.#epoch !== client.epoch) return this.#authenticate(this.#user)
    if (client.nowMs < this.#renewsAtMs) return Effect.void
    return client.chance.permille(PRETENDERS) ? this.#pretend : this.#authenticate(this.#user)
  })

  #authenticate(user: string): Effect.Effect<void, Lost> {
    const { client } = this
    return Effect.gen({ self: this }, function* () {
      const handshake = yield* client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
      const { epoch } = client
      const answer = yield* client.call(SaslAuthenticate, 1, {
        authBytes: Buffer.from(`\0${user}\0${passwordOf(user)}`)
      })
      if (handshake.errorCode !== 0 || answer.errorCode !== 0) {
        const text = `${user} is not let in: ${handshake.errorCode}, ${answer.errorCode} ${answer.errorMessage}`
        this.#history.violate("A3", text)
        return yield* Effect.fail(new Lost({ sent: true }))
      }
      const lifetimeMs = Number(answer.sessionLifetimeMs)
      client.log(`is let in for ${lifetimeMs} ms`)
      this.#epoch = epoch
      this.#renewsAtMs = client.nowMs + (lifetimeMs * client.chance.between(RENEWED_FROM, RENEWED_TO)) / 1000
    })
  }

  /** Who it is cannot be changed on a connection, by the right password neither. */
  readonly #pretend: Effect.Effect<void, Lost> = Effect.gen({ self: this }, function* () {
    const { client } = this
    client.log(`is about to say that it is ${this.#other}`)
    yield* client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    const { epoch } = client
    const answer = yield* client.call(SaslAuthenticate, 1, {
      authBytes: Buffer.from(`\0${this.#other}\0${passwordOf(this.#other)}`)
    })
    client.log(`says that it is ${this.#other}: error ${answer.errorCode}`)
    if (answer.errorCode === 0 && epoch === client.epoch) {
      this.#history.violate("A1", `${this.#user} has become ${this.#other} on one connection`)
    }
    client.disconnect()
    return yield* Effect.fail(new Lost({ sent: true }))
  })
}
