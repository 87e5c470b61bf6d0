import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { PostgresServer } from "./PostgresServer.ts"
import { openStore } from "./Stores.ts"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const ROLES = `
  create role tusk superuser login password 'tusk-secret';
  create role staff nologin; create role readers nologin; create role empty nologin;
  grant staff to readers;
  create role alice login password 'alice-secret' in role readers;
  create role "Olaf ""the"" 🐘" login password 'olaf-secret';
  create role trusted login password 'x'; create role readable login password 'readable-secret';
  create role hashed login; set password_encryption = 'md5'; alter role hashed password 'hashed-secret'; reset password_encryption;
  create role shut nologin password 'shut-secret';
  create role late login password 'late-secret' valid until '2001-01-01';
  create role apart login password 'apart-secret'; revoke connect on database postgres from public;
  grant connect on database postgres to alice, "Olaf ""the"" 🐘", trusted, readable, hashed, late`

const RULES = [
  "host all trusted 127.0.0.1/32 trust",
  "host all readable 127.0.0.1/32 password",
  "host all hashed 127.0.0.1/32 md5",
  "host all all 127.0.0.1/32 scram-sha-256"
]

const file = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

const serving = Effect.fnUntraced(function* (ssl: boolean) {
  const server = yield* PostgresServer.make
  if (ssl) server.withTls(file("server.crt"), file("server.key"))
  server.port = yield* freePort
  yield* server.start
  const psql = yield* server.psql
  yield* psql.query(ROLES)
  yield* server.ruleFirst(...RULES)
  const target = { host: "127.0.0.1", user: "tusk", password: "tusk-secret", database: "postgres" }
  const tls = ssl ? { ssl: { rejectUnauthorized: false } } : {}
  const store = yield* openStore(server.options({ ...target, ...tls }))
  yield* store.acquire(NOTHING_TOLD)
  return { server, psql, roles: store.roles! }
})
const served = serving(false)

describe("roles of Postgres as users", () => {
  it.live("a login counts if the server asked for the password, where nobody reads it, and took it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { roles } = yield* served
        const { login } = roles
        assert.strictEqual(yield* login("alice", "alice-secret"), "Accepted")
        assert.strictEqual(yield* login('Olaf "the" 🐘', "olaf-secret"), "Accepted")
        const refused = [
          ["alice", "bob-secret"],
          ["alice", ""],
          ["Alice", "alice-secret"],
          ["nobody", "alice-secret"],
          ["", "alice-secret"],
          ["shut", "shut-secret"],
          ["late", "late-secret"],
          ["apart", "apart-secret"],
          ["alice\0database\0template1", "alice-secret"],
          ["a".repeat(64), "alice-secret"],
          ["alice", `alice-secret${"\0".repeat(3)}`],
          ["alice", "x".repeat(5000)]
        ] as const
        for (const [user, password] of refused) assert.strictEqual(yield* login(user, password), "Refused", user)
        // Let in without a question; asked for a password that others could read.
        assert.strictEqual(yield* login("trusted", "anything"), "Unproven")
        assert.strictEqual(yield* login("readable", "readable-secret"), "Unproven")
        assert.strictEqual(yield* login("hashed", "hashed-secret"), "Unproven")
      })
    )
  )

  it.live("over TLS a password may be sent as the server wants it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { login } = (yield* serving(true)).roles
        for (const user of ["alice", "readable", "hashed"]) {
          assert.strictEqual(yield* login(user, `${user}-secret`), "Accepted", user)
          assert.strictEqual(yield* login(user, "wrong"), "Refused", user)
        }
        assert.strictEqual(yield* login("trusted", "x"), "Unproven")
      })
    )
  )

  it.live("groups are the roles that it is a member of, as they are now", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { psql, roles } = yield* served
        const groups = (role: string) => Effect.map(roles.groupsOf(role), (found) => found?.toSorted())
        assert.deepStrictEqual(yield* groups("alice"), ["readers", "staff"])
        assert.deepStrictEqual(yield* groups('Olaf "the" 🐘'), [])
        for (const gone of ["nobody", "shut", "late", "staff"]) assert.isUndefined(yield* groups(gone), gone)
        yield* psql.query("revoke staff from readers")
        assert.deepStrictEqual(yield* groups("alice"), ["readers"])
      })
    )
  )

  it.live("a server that lets the broker's role in with any password is told, with the line to change", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { roles, server } = yield* served
        assert.isUndefined(yield* roles.trusting)
        yield* server.ruleFirst("host all tusk 127.0.0.1/32 trust")
        const told = yield* roles.trusting
        assert.include(told, "lets role tusk in")
        assert.include(told, "line 1: host all tusk 127.0.0.1 trust")
      })
    )
  )

  it.live("nothing is known while the server cannot be asked", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { roles, server } = yield* served
        yield* server.stop("SIGQUIT")
        for (const ask of [roles.login("alice", "alice-secret"), roles.groupsOf("alice"), roles.trusting]) {
          const error = yield* Effect.flip(ask as Effect.Effect<unknown, { readonly _tag: string }>)
          assert.include(["StoreUnavailable", "Fenced"], error._tag)
        }
      })
    )
  )
})
