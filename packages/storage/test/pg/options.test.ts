import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import * as PgStore from "../../src/pg/PgStore.ts"

const url = (text: string) => {
  const { hosts, user, password, database, ssl, sslOptional } = resolveOptions({ url: text })
  return {
    where: hosts.map(({ host, path, port }) => path ?? `${host}:${port}`).join(),
    user,
    password: password === undefined ? undefined : Redacted.value(password),
    database,
    tls: ssl === false ? "no" : sslOptional ? "maybe" : ssl.rejectUnauthorized === false ? "unverified" : "verified"
  }
}

describe("database URLs are read as libpq reads them", () => {
  it("all parts, escaped", () => {
    expect(url("postgres://me:p%40%2Fss@db.example:6543/my%20db?sslmode=verify-full")).toEqual({
      where: "db.example:6543",
      user: "me",
      password: "p@/ss",
      database: "my db",
      tls: "verified"
    })
  })

  it("defaults: port 5432, the database named as the user, TLS if the server has it", () => {
    expect(url("postgresql://me@db.example")).toEqual({
      where: "db.example:5432",
      user: "me",
      password: undefined,
      database: "me",
      tls: "maybe"
    })
  })

  it("unix sockets, by parameter, by user without host, and escaped", () => {
    for (const text of [
      "postgres:///db?host=/run/pg&port=5433&user=me",
      "postgres://me@/db?host=/run/pg&port=5433",
      "postgres://me@localhost:5433/db?host=/run/pg",
      "postgres://me@%2Frun%2Fpg:5433/db"
    ]) {
      expect(url(text)).toEqual({
        where: "/run/pg/.s.PGSQL.5433",
        user: "me",
        password: undefined,
        database: "db",
        tls: "maybe"
      })
    }
  })

  it("every sslmode", () => {
    const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
    expect(modes.map((mode) => url(`postgres://a@h/d?sslmode=${mode}`).tls)).toEqual([
      "no",
      "maybe",
      "maybe",
      "unverified",
      "verified",
      "verified"
    ])
  })

  it("an address of version 6", () => {
    expect(url("postgres://me@[::1]:5433/db").where).toBe("::1:5433")
  })

  it("several hosts, each with its port", () => {
    const places = {
      "postgres://me@a:1,b:2/d": "a:1,b:2",
      "postgres://me@a,b:2,[::1]:3,[fe80::1]/d": "a:5432,b:2,::1:3,fe80::1:5432",
      "postgres://me:p,w@a:1,b/d": "a:1,b:5432",
      "postgres:///d?host=a,b&port=1,2": "a:1,b:2",
      "postgres:///d?host=a,b&port=7": "a:7,b:7",
      "postgres:///d?host=a,,b": "a:5432,localhost:5432,b:5432",
      "postgres://x,y:9/d?host=/run/a,/run/b": "/run/a/.s.PGSQL.5432,/run/b/.s.PGSQL.9",
      "postgres://%2Frun%2Fa,b:9/d": "/run/a/.s.PGSQL.5432,b:9"
    }
    expect(Object.keys(places).map((text) => url(text).where)).toEqual(Object.values(places))
    const fields = resolveOptions({ host: "a, /run/b", port: 7 })
    expect(fields.hosts.map(({ host, path, port }) => path ?? `${host}:${port}`)).toEqual(["a:7", "/run/b/.s.PGSQL.7"])
  })

  it("which servers will do: those that can write, unless told otherwise", () => {
    const attrs = (query: string) => resolveOptions({ url: `postgres://a,b/d${query}` }).targetSessionAttrs
    expect(["", "?target_session_attrs=any", "?target_session_attrs=primary"].map(attrs)).toEqual([
      "read-write",
      "any",
      "primary"
    ])
    for (const mode of ["read-only", "standby", "prefer-standby", "perhaps"]) {
      expect(() => attrs(`?target_session_attrs=${mode}`)).toThrow(`target_session_attrs "${mode}" will not do`)
    }
  })

  it("fields win over the URL", () => {
    const target = resolveOptions({
      url: "postgres://me:pw@h:1/db",
      host: "other",
      port: 2,
      user: "you",
      database: "x"
    })
    expect([target.hosts, target.user, target.database]).toEqual([
      [{ host: "other", port: 2, path: undefined }],
      "you",
      "x"
    ])
  })

  it.effect("what cannot be read is one line that does not repeat the password", () =>
    Effect.gen(function* () {
      for (const text of [
        "mysql://me:secret@h/db",
        "me:secret@h",
        "postgres://me:secret@h:99999999/db",
        "postgres://me:secret@h/db?sslmode=perhaps",
        "postgres://me:sec%ret@h/db",
        "postgres://me:secret@a,b:1,c/db?port=1,2",
        "postgres://me:secret@h/db?target_session_attrs=standby"
      ]) {
        const refused = yield* Effect.flip(Effect.scoped(Layer.build(PgStore.layer({ url: text }))))
        expect(refused._tag).toBe("StoreUnavailable")
        expect(refused.message).not.toMatch(/sec|\n/)
      }
    })
  )
})
