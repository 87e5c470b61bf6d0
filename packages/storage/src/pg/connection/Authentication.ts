import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import { passwordFor } from "../options/PgOptions.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { ConnectionLost } from "./ConnectionError.ts"
import type { Endpoint } from "./Endpoint.ts"
import { hopeless, lost, unproven } from "./openingErrors.ts"

/** Messages by which the server asks for proof, or gives its own. */
export type Demand = Extract<
  PgProtocol.BackendMessage,
  {
    readonly _tag:
      | "AuthenticationCleartextPassword"
      | "AuthenticationMD5Password"
      | "AuthenticationSASL"
      | "AuthenticationSASLContinue"
      | "AuthenticationSASLFinal"
  }
>

/** How one session proves its user to the server: secrets are `@effect/sql-pg`'s. */
export class Authentication {
  private readonly target: PgTarget
  private readonly endpoint: Endpoint
  private readonly mustAsk: boolean
  private scram: PgAuth.ScramState | undefined
  private isAsked = false

  /** `mustAsk`: the server is to ask for the password, and not to have it sent where others can read it. */
  constructor(target: PgTarget, endpoint: Endpoint, mustAsk: boolean) {
    this.target = target
    this.endpoint = endpoint
    this.mustAsk = mustAsk
  }

  /** Being let in proves nothing, as nothing was asked. */
  get isUnproven(): boolean {
    return this.mustAsk && !this.isAsked
  }

  /** Whether the server still owes the proof that it knows the password. */
  get isOwed(): boolean {
    return this.scram !== undefined
  }

  /** What to send; undefined: nothing; an error: the session cannot be opened. */
  answer(demand: Demand, encrypted: boolean): Uint8Array | ConnectionLost | undefined {
    this.isAsked = true
    const isReadable = demand._tag === "AuthenticationCleartextPassword" || demand._tag === "AuthenticationMD5Password"
    if (this.mustAsk && isReadable && !encrypted && this.endpoint.path === undefined) {
      return unproven(`Postgres at ${this.endpoint.label} asks for a password without TLS, and not by SCRAM`)
    }
    switch (demand._tag) {
      case "AuthenticationCleartextPassword":
        return this.withPassword((password) => PgProtocol.encodePasswordMessage({ password }))
      case "AuthenticationMD5Password":
        return this.withPassword((password) =>
          this.proven(PgAuth.md5Password({ user: this.target.user, password, salt: demand.salt }), (hashed) =>
            PgProtocol.encodePasswordMessage({ password: hashed })
          )
        )
      case "AuthenticationSASL":
        if (demand.mechanisms.includes(PgAuth.SCRAM_SHA_256))
          return this.withPassword((password) => this.begin(password))
        return hopeless(`Postgres offers ${demand.mechanisms.join(", ")}, and Tusk knows ${PgAuth.SCRAM_SHA_256}`)
      case "AuthenticationSASLContinue": {
        if (this.scram?._tag !== "ScramFirst") return lost("Postgres went on with an exchange that was not begun")
        return this.proven(PgAuth.scramContinue(this.scram, demand.data), (next) => {
          this.scram = next.state
          return PgProtocol.encodeSASLResponse({ data: next.response })
        })
      }
      case "AuthenticationSASLFinal": {
        if (this.scram?._tag !== "ScramFinal") return lost("Postgres ended an exchange that was not begun")
        if (Result.isFailure(PgAuth.scramFinish(this.scram, demand.data))) {
          return hopeless(`the server at ${this.endpoint.label} cannot prove that it knows the password`)
        }
        this.scram = undefined
        return undefined
      }
    }
  }

  private begin(password: string): Uint8Array | ConnectionLost {
    return this.proven(PgAuth.scramInit({ password, nonce: randomBytes(18).toString("base64") }), (first) => {
      this.scram = first.state
      return PgProtocol.encodeSASLInitialResponse({
        mechanism: PgAuth.SCRAM_SHA_256,
        initialResponse: first.response
      })
    })
  }

  private withPassword(use: (password: string) => Uint8Array | ConnectionLost): Uint8Array | ConnectionLost {
    const password = passwordFor(this.target, this.endpoint)
    if (password !== undefined) return use(password)
    const { label } = this.endpoint
    const where = "URL, PGPASSWORD and password file have none"
    return hopeless(
      `Postgres at ${label} asks for a password of user ${this.target.user}, and none is given (${where})`
    )
  }

  private proven<A>(
    result: Result.Result<A, PgAuth.AuthError>,
    use: (proof: A) => Uint8Array
  ): Uint8Array | ConnectionLost {
    if (Result.isSuccess(result)) return use(result.success)
    return hopeless(`cannot authenticate with Postgres at ${this.endpoint.label}: ${result.failure.message}`)
  }
}
