/** Users who are not there: what is made up of them is like what is stored of others, and costs as much. */
import { assert, describe, it } from "@effect/vitest"
import { scramKey } from "@tusk/storage/port/Security"
import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { verifyUsers } from "../../../src/security/sasl/PlainUsers.ts"
import type { ScramMechanism } from "../../../src/security/sasl/ScramKeys.ts"
import { ScramUsers } from "../../../src/security/sasl/ScramUsers.ts"

const row = (user: string, mechanism: ScramMechanism, iterations: number, saltBytes = 24): StoredScramCredential => ({
  user,
  mechanism,
  iterations,
  salt: new Uint8Array(saltBytes),
  storedKey: new Uint8Array(64),
  serverKey: new Uint8Array(64)
})

const usersOf = (...rows: ReadonlyArray<StoredScramCredential>) => {
  const present = new Map(rows.map((each) => [scramKey(each), each]))
  const kept = { current: () => present, keyOf: scramKey } as unknown as ScramCredentials["Service"]
  return Effect.provide(ScramUsers, Layer.provide(ScramUsers.layer, Layer.succeed(ScramCredentials, kept)))
}

const NAMES = Array.from({ length: 200 }, (_, i) => `nobody${i}`)

/** What a password of PLAIN costs for these users: by which keys it is checked. */
const workOf = (stored: ScramUsers["Service"], users: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const work = new Set<string>()
    const keys = (mechanism: ScramMechanism, _password: string, _salt: Uint8Array, iterations: number) => {
      work.add(`${mechanism} ${iterations}`)
      return Effect.succeed({ storedKey: new Uint8Array(1), serverKey: new Uint8Array(1) })
    }
    const derivation = { keys, credential: () => Effect.never }
    const verify = verifyUsers({ derivation, stored, listed: new Map([["listed", "secret"]]) })
    for (const user of users) assert.isUndefined(yield* verify(user, "wrong"))
    return Array.from(work).sort()
  })

describe("a user who is not there", () => {
  it.effect("is checked by PLAIN as those are who are there", () =>
    Effect.gen(function* () {
      const weak = yield* usersOf(row("a", "SCRAM-SHA-256", 5000))
      assert.deepStrictEqual(yield* workOf(weak, ["a"]), ["SCRAM-SHA-256 5000"])
      assert.deepStrictEqual(yield* workOf(weak, [...NAMES, "listed"]), ["SCRAM-SHA-256 5000"])
      const mixed = yield* usersOf(
        row("a", "SCRAM-SHA-256", 5000),
        row("b", "SCRAM-SHA-512", 8192),
        row("b", "SCRAM-SHA-256", 4096)
      )
      const both = ["SCRAM-SHA-256 5000", "SCRAM-SHA-512 8192"]
      assert.deepStrictEqual(yield* workOf(mixed, ["a", "b"]), both)
      assert.deepStrictEqual(yield* workOf(mixed, NAMES), both)
      for (const name of NAMES) assert.lengthOf(yield* workOf(mixed, [name, name]), 1)
      assert.deepStrictEqual(yield* workOf(yield* usersOf(), NAMES), ["SCRAM-SHA-512 4096"])
    })
  )

  it.effect("is challenged by SCRAM as those are, each time alike", () =>
    Effect.gen(function* () {
      const users = yield* usersOf(row("a", "SCRAM-SHA-256", 5000, 16), row("b", "SCRAM-SHA-256", 9000, 32))
      const seen = NAMES.map((name) => {
        const { credential, isDecoy } = users.of(name, "SCRAM-SHA-256")
        assert.isTrue(isDecoy)
        assert.deepStrictEqual(users.of(name, "SCRAM-SHA-256").credential, credential)
        return `${credential.iterations} ${credential.salt.byteLength}`
      })
      assert.deepStrictEqual(Array.from(new Set(seen)).sort(), ["5000 16", "9000 32"])
    })
  )

  it.effect("with a row that is weaker than Kafka allows is none", () =>
    Effect.gen(function* () {
      const users = yield* usersOf(row("weak", "SCRAM-SHA-256", 1), row("dear", "SCRAM-SHA-256", 1_000_000))
      for (const name of ["weak", "dear"]) {
        assert.isTrue(users.of(name, "SCRAM-SHA-256").isDecoy)
        assert.isTrue(users.ofPlain(name).isDecoy)
      }
    })
  )
})
