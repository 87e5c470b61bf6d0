import type { RoleLogins } from "@tusk/storage/port/RoleLogins"
import type { StoreError } from "@tusk/storage/port/StoreError"
import { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import type { Identity } from "../../request/Identity.ts"

/** Limits of logins by roles of Postgres; times in milliseconds. */
export interface RolePasswordLimits {
  /** `tusk.sasl.postgres.max.logins`: at the server at a time. */
  readonly maxLogins: number
  /** `tusk.sasl.postgres.cache.ms`: for how long a password that was right is known; 0: never. */
  readonly knownForMs: number
  /** `tusk.sasl.postgres.cache.users`: of how many users. */
  readonly maxKnown: number
}

interface Known {
  readonly salt: Buffer
  readonly hash: Buffer
  readonly untilMs: number
}

const hashed = (salt: Buffer, password: string): Buffer => createHmac("sha256", salt).update(password).digest()

/** Passwords of Kafka's PLAIN that are those of roles of Postgres. */
export class RolePasswords {
  readonly #roles: RoleLogins
  readonly #limits: RolePasswordLimits
  readonly #nowMs: () => number
  readonly #asking: Semaphore.Semaphore
  /** Passwords that were right a while ago, the oldest first: as salted hashes, and in memory alone. */
  readonly #known = new Map<string, Known>()
  readonly #unproven = new Recurring("security")

  constructor(roles: RoleLogins, limits: RolePasswordLimits, nowMs: () => number) {
    this.#roles = roles
    this.#limits = limits
    this.#nowMs = nowMs
    this.#asking = Semaphore.makeUnsafe(limits.maxLogins)
  }

  /** Who it is, with the groups of this moment; undefined: not let in. Fails if Postgres cannot be asked now. */
  verify(user: string, password: string): Effect.Effect<Identity | undefined, StoreError> {
    return Effect.flatMap(this.#isRight(user, password), (isRight) =>
      isRight ? this.#identityOf(user) : Effect.succeed(undefined)
    )
  }

  #isRight(user: string, password: string): Effect.Effect<boolean, StoreError> {
    return Effect.suspend(() => {
      if (this.#isKnown(user, password)) return Effect.succeed(true)
      return Effect.flatMap(this.#asking.withPermits(1)(this.#roles.login(user, password)), (outcome) => {
        if (outcome === "Accepted") this.#keep(user, password)
        if (outcome !== "Unproven") return Effect.succeed(outcome === "Accepted")
        const told = this.#unproven.seen(
          "Postgres lets a role in that it asks for no password, or for one that others could read: nobody gets in so (pg_hba.conf)"
        )
        return Effect.as(told, false)
      })
    })
  }

  /** A role that is gone, or may not log in any more, is nobody, though its password is known still. */
  #identityOf(user: string): Effect.Effect<Identity | undefined, StoreError> {
    return Effect.map(this.#roles.groupsOf(user), (groups) => {
      if (groups === undefined) {
        this.#known.delete(user)
        return undefined
      }
      return { principal: `User:${user}`, groups: groups.map((group) => `Group:${group}`), byToken: false }
    })
  }

  #isKnown(user: string, password: string): boolean {
    const known = this.#known.get(user)
    if (known === undefined) return false
    if (known.untilMs > this.#nowMs()) return timingSafeEqual(known.hash, hashed(known.salt, password))
    this.#known.delete(user)
    return false
  }

  #keep(user: string, password: string): void {
    const { knownForMs, maxKnown } = this.#limits
    if (knownForMs === 0 || maxKnown === 0) return
    this.#known.delete(user)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < maxKnown) break
      this.#known.delete(oldest)
    }
    const salt = randomBytes(16)
    this.#known.set(user, { salt, hash: hashed(salt, password), untilMs: this.#nowMs() + knownForMs })
  }
}
