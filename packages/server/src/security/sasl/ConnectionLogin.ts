import { SaslAuthenticationFailed } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ConnectionInfo } from "../../request/ConnectionInfo.ts"
import type { LoginCounts } from "../../request/LoginCounts.ts"
import type { Login, LoginStep, LoginVerdict } from "../../request/Login.ts"
import type { Exchange, Found } from "./Exchange.ts"
import { cut, rejected, shown } from "./Exchange.ts"
import { arrive, BEGINNING, evaluated, shakeHands, versionsTold } from "./LoginMachine.ts"
import type { Arrived, LoginState } from "./LoginMachine.ts"

/** A mechanism that a listener takes. */
export interface Mechanism {
  readonly begin: () => Exchange
  /** `connections.max.reauth.ms` */
  readonly maxReauthMs: number
}

/** What all logins of a listener share. */
export interface LoginOptions {
  /** By name, in the order in which clients are told them. */
  readonly mechanisms: ReadonlyMap<string, Mechanism>
  /** Waits for `connection.failed.authentication.delay.ms`, in the time of sockets. */
  readonly delayFailure: Effect.Effect<void>
  readonly nowMs: () => number
  /** `mechanism`: one of those that are enabled, or "". */
  readonly countsOf: (mechanism: string) => LoginCounts
  /** The first login is done. */
  readonly onDone: (login: ConnectionLogin) => void
  /** It keeps so many bytes. */
  readonly onHeld: (login: ConnectionLogin, bytes: number) => void
}

const ARRIVED: ReadonlyMap<number, Arrived> = new Map([
  [ApiVersions.key, "apiVersions"],
  [SaslHandshake.key, "saslHandshake"],
  [SaslAuthenticate.key, "saslAuthenticate"]
])

/** Carries out what the machine decides for one connection. */
export class ConnectionLogin implements Login {
  readonly connection: ConnectionInfo
  readonly mechanisms: ReadonlyArray<string>
  isGuarding = true
  sinceMs: number
  readonly #options: LoginOptions
  #state: LoginState = BEGINNING
  #exchange: Exchange | undefined

  constructor(connection: ConnectionInfo, options: LoginOptions) {
    this.connection = connection
    this.#options = options
    this.mechanisms = Array.from(options.mechanisms.keys())
    this.sinceMs = options.nowMs()
  }

  get isUnderWay(): boolean {
    return this.#state.stage !== "complete"
  }

  get takesTokens(): boolean {
    return this.#state.stage === "authenticate" && this.#state.isRaw
  }

  arrived(apiKey: number | undefined, nowMs: number): LoginVerdict {
    const what = apiKey === undefined ? "token" : (ARRIVED.get(apiKey) ?? "other")
    const [next, verdict] = arrive(this.#state, what, nowMs)
    this.#become(next)
    return verdict
  }

  holds(bytes: number): void {
    this.#options.onHeld(this, bytes)
  }

  versionsTold(): void {
    this.#become(versionsTold(this.#state))
  }

  handshake(version: number, mechanism: string): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const [next, isAgreed] = shakeHands(this.#state, version, mechanism, this.mechanisms)
      this.#become(next)
      this.#exchange = isAgreed ? this.#options.mechanisms.get(mechanism)!.begin() : undefined
      return isAgreed ? Effect.succeed(true) : Effect.as(this.#fail(`it wants ${shown(mechanism)}`), false)
    })
  }

  authenticate(token: Uint8Array): Effect.Effect<LoginStep, SaslAuthenticationFailed> {
    return Effect.suspend(() => {
      const exchange = this.#exchange
      const outcome = exchange === undefined ? Effect.succeed(NOT_BEGUN) : exchange.evaluate(token)
      return Effect.flatMap(Effect.zip(outcome, Clock.currentTimeMillis), ([found, wallMs]) =>
        found._tag === "Unknown" ? this.#giveUp(found.reason) : this.#conclude(found, wallMs)
      )
    })
  }

  abandon(reason: string): void {
    this.#become({ ...this.#state, stage: "failed" })
    this.connection.endsBecause ??= reason
  }

  /** A client that is refused does not come again: one whose connection ends does. */
  #giveUp(reason: string): Effect.Effect<never> {
    return Effect.suspend(() => {
      this.abandon(reason)
      this.connection.close(`a login cannot be checked now: ${reason}`)
      return Effect.never
    })
  }

  #conclude(found: Found, wallMs: number): Effect.Effect<LoginStep, SaslAuthenticationFailed> {
    const { mechanisms, nowMs } = this.#options
    const { mechanism } = this.#state
    const maxReauthMs = mechanisms.get(mechanism)?.maxReauthMs ?? 0
    const [next, told] = evaluated(this.#state, found, { nowMs: nowMs(), wallMs, maxReauthMs })
    this.#become(next)
    if (told._tag === "Refused") {
      const { message, reason } = told
      return Effect.andThen(
        this.#fail(`${mechanism}: ${reason}`),
        Effect.fail(new SaslAuthenticationFailed({ message: cut(message) }))
      )
    }
    if (next.stage === "complete" && next.done !== undefined) {
      this.connection.identity = next.done.identity
      this.#options.countsOf(mechanism).succeeded++
    }
    return Effect.succeed({ token: told.token, sessionLifetimeMs: BigInt(told.sessionLifetimeMs) })
  }

  refuse(reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#become({ ...this.#state, stage: "failed" })
      return this.#fail(reason)
    })
  }

  /** All failures take the same time, and the connection ends with the answer. */
  #fail(reason: string): Effect.Effect<void> {
    this.connection.endsBecause = `the login failed: ${cut(reason)}`
    this.#options.countsOf(this.#state.mechanism).failed++
    return this.#options.delayFailure
  }

  #become(next: LoginState): void {
    const { onDone } = this.#options
    const wasUnderWay = this.isUnderWay
    this.#state = next
    const isUnderWay = this.isUnderWay
    this.isGuarding = isUnderWay || next.sessionEndsMs !== Infinity
    if (isUnderWay === wasUnderWay) return
    this.sinceMs = isUnderWay ? this.#options.nowMs() : 0
    if (isUnderWay) return
    this.#exchange = undefined
    onDone(this)
  }
}

const NOT_BEGUN = rejected("it has not agreed on a mechanism")
