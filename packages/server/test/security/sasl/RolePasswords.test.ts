import { assert, describe, it } from "@effect/vitest"
import type { RoleLogin, RoleLogins } from "@tusk/storage/port/RoleLogins"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { RolePasswords } from "../../../src/security/sasl/RolePasswords.ts"

const LIMITS = { maxLogins: 2, knownForMs: 60_000, maxKnown: 2 }

/** A server with roles that a test changes, and what it was asked. */
class Server {
  readonly passwords = new Map([
    ["alice", "a"],
    ["bob", "b"],
    ["carol", "c"]
  ])
  readonly groups = new Map<string, ReadonlyArray<string>>()
  readonly asked: Array<string> = []
  outcome: RoleLogin | undefined
  isAway = false
  nowMs = 0

  readonly roles: RoleLogins = {
    login: (role, password) =>
      Effect.suspend(() => {
        this.asked.push(role)
        if (this.isAway) return Effect.fail(new StoreUnavailable({ message: "away" }))
        return Effect.succeed(
          this.outcome ?? (this.passwords.get(role) === password ? ("Accepted" as const) : ("Refused" as const))
        )
      }),
    groupsOf: (role) => Effect.sync(() => (this.passwords.has(role) ? (this.groups.get(role) ?? []) : undefined)),
    trusting: Effect.succeed(undefined)
  }

  passwordsOf(limits = LIMITS): RolePasswords {
    return new RolePasswords(this.roles, limits, () => this.nowMs)
  }
}

describe("passwords of roles", () => {
  it.effect("a right one is known for a minute, and no other one with it", () =>
    Effect.gen(function* () {
      const server = new Server()
      const passwords = server.passwordsOf()
      const who = { principal: "User:alice", groups: [], byToken: false }
      assert.deepStrictEqual(yield* passwords.verify("alice", "a"), who)
      server.isAway = true
      assert.deepStrictEqual(yield* passwords.verify("alice", "a"), who)
      assert.strictEqual((yield* Effect.flip(passwords.verify("alice", "b"))).message, "away")
      server.isAway = false
      assert.isUndefined(yield* passwords.verify("alice", "b"))
      server.nowMs += 59_999
      assert.deepStrictEqual(yield* passwords.verify("alice", "a"), who)
      assert.deepStrictEqual(server.asked, ["alice", "alice", "alice"])
      server.nowMs += 1
      server.passwords.set("alice", "new")
      assert.isUndefined(yield* passwords.verify("alice", "a"))
    })
  )

  it.effect("groups are those of each login, and a role that is gone is nobody at once", () =>
    Effect.gen(function* () {
      const server = new Server()
      const passwords = server.passwordsOf()
      server.groups.set("alice", ["staff"])
      assert.deepStrictEqual((yield* passwords.verify("alice", "a"))!.groups, ["Group:staff"])
      server.groups.set("alice", ["readers", "staff"])
      assert.deepStrictEqual((yield* passwords.verify("alice", "a"))!.groups, ["Group:readers", "Group:staff"])
      server.passwords.delete("alice")
      assert.isUndefined(yield* passwords.verify("alice", "a"))
      server.passwords.set("alice", "other")
      assert.isUndefined(yield* passwords.verify("alice", "a"))
    })
  )

  it.effect("so many are known, and of no user more than one", () =>
    Effect.gen(function* () {
      const server = new Server()
      const passwords = server.passwordsOf()
      for (const [user, password] of [
        ["alice", "a"],
        ["bob", "b"],
        ["carol", "c"],
        ["carol", "c"],
        ["bob", "b"],
        ["alice", "a"]
      ] as const) {
        assert.isDefined(yield* passwords.verify(user, password))
      }
      assert.deepStrictEqual(server.asked, ["alice", "bob", "carol", "alice"])
      const forgetful = server.passwordsOf({ ...LIMITS, knownForMs: 0 })
      yield* forgetful.verify("bob", "b")
      yield* forgetful.verify("bob", "b")
      assert.strictEqual(server.asked.length, 6)
    })
  )

  it.effect("what proves nothing lets nobody in", () =>
    Effect.gen(function* () {
      const server = new Server()
      server.outcome = "Unproven"
      assert.isUndefined(yield* server.passwordsOf().verify("alice", "a"))
    })
  )

  it.effect("no more than so many logins are under way", () =>
    Effect.gen(function* () {
      const server = new Server()
      const gate = yield* Deferred.make<void>()
      const two = yield* Deferred.make<void>()
      let most = 0
      let now = 0
      const roles: RoleLogins = {
        ...server.roles,
        login: (role, password) =>
          Effect.suspend(() => {
            most = Math.max(most, ++now)
            if (now === 2) Deferred.doneUnsafe(two, Effect.void)
            return Effect.andThen(Deferred.await(gate), server.roles.login(role, password))
          }).pipe(Effect.ensuring(Effect.sync(() => now--)))
      }
      const passwords = new RolePasswords(roles, LIMITS, () => 0)
      const logins = yield* Effect.forEach(["alice", "bob", "carol", "alice", "bob"], (user) =>
        Effect.forkChild(passwords.verify(user, user[0]!), { startImmediately: true })
      )
      yield* Deferred.await(two)
      yield* Deferred.succeed(gate, undefined)
      for (const login of logins) assert.isDefined(yield* Fiber.join(login))
      assert.strictEqual(most, 2)
    })
  )
})
