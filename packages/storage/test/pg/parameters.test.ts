import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cause from "effect/Cause"
import { createPrivateKey } from "node:crypto"
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import { connect } from "../../src/pg/connection/connect.ts"
import { describeTarget, passwordFor, resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { findPassword } from "../../src/pg/options/passwordFile.ts"
import { PostgresServer } from "./PostgresServer.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const tls = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

/** One that no server listens on. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const refusalOf = (query: string, environment: Record<string, string> = {}): string => {
  try {
    resolveOptions({ url: `postgres://u@h/d${query}`, environment })
  } catch (error) {
    return (error as Error).message
  }
  return "taken"
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "tusk-parameters-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

describe("libpq's parameters", () => {
  it("are honoured, or refused by name", () => {
    expect(refusalOf("?keepalives_idle=5")).toContain("keepalives_idle")
    expect(refusalOf("?channel_binding=require")).toContain("channel_binding is taken as prefer or disable only")
    expect(refusalOf("?channel_binding=prefer&gssencmode=disable&client_encoding=UTF8&keepalives=1")).toBe("taken")
    expect(refusalOf("?require_auth=scram-sha-256")).toContain("require_auth")
    expect(refusalOf("?schema=public")).toContain("a parameter schema, which neither libpq nor Tusk knows")
    expect(refusalOf("?sslrootcert=/nowhere/ca.crt&sslmode=verify-ca")).toBe(
      "sslrootcert /nowhere/ca.crt cannot be read: ENOENT"
    )
    expect(refusalOf("?sslkey=/nowhere/k")).toContain("sslkey is given without a certificate")
    expect(refusalOf(`?sslcert=${tls("client.crt")}&sslkey=/nowhere/k`)).toContain("sslkey /nowhere/k cannot be read")
    expect(refusalOf("?ssl_min_protocol_version=SSLv3")).toContain("none of TLSv1")
    expect(refusalOf("?sslrootcert=system&sslmode=require")).toContain("goes with sslmode=verify-full")
    expect(refusalOf("?connect_timeout=soon")).toContain("connect_timeout")
    expect(refusalOf("", { PGREQUIREAUTH: "none" })).toContain("require_auth")
  })

  it("of the environment stand in for what no URL and no field says", () => {
    const environment = { PGHOST: "e", PGPORT: "7", PGUSER: "eu", PGPASSWORD: "ep", PGDATABASE: "ed", PGAPPNAME: "ea" }
    const of = (url: string | undefined, user?: string) => {
      const target = resolveOptions({ url, user, environment })
      return [describeTarget(target), passwordFor(target, target.hosts[0]!), target.applicationName]
    }
    expect(of(undefined)).toEqual(["eu@e:7/ed", "ep", "ea"])
    expect(of("postgres://u:p@h:1/d?application_name=a", "field")).toEqual(["field@h:1/d", "p", "a"])
    expect(of("postgres://u@h/d")).toEqual(["u@h:7/d", "ep", "ea"])
  })

  it("a plus is a plus, and hostaddr is dialled in the host's place", () => {
    const target = resolveOptions({ url: "postgres://u@h/d?password=a+b%2B&hostaddr=127.0.0.9" })
    expect(passwordFor(target, target.hosts[0]!)).toBe("a+b+")
    expect(target.hosts).toEqual([{ host: "h", port: 5432, path: undefined, hostaddr: "127.0.0.9" }])
  })

  it("a password is printed by nothing, wherever it stands and whatever it holds", () => {
    for (const url of [
      "postgres://u:hidden@h/d",
      "postgres://u@h/d?password=hidden&sslpassword=hidden",
      "postgres:///d?host=/run&user=u&password=hidden"
    ]) {
      const target = resolveOptions({ url })
      expect(describeTarget(target)).not.toContain("hidden")
      expect(JSON.stringify({ ...target, ssl: undefined })).not.toContain("hidden")
    }
    // Not escaped: what is left of it would be a port, a database, or a parameter.
    for (const url of [
      "postgres://u:12/hidden@h/d",
      "postgres://u:hidden/x@h/d",
      "postgres://u:12?hidden@h/d",
      "postgres://u:12#hidden@h/d",
      "postgres://u@h/d?password=x#hidden",
      "postgres://u@h/d?password=x&hid.den=1"
    ]) {
      let message = "taken"
      try {
        resolveOptions({ url })
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).not.toMatch(/hidden|hid\.den|taken/)
    }
  })

  it("a password file tells by place, with escapes and wildcards", () => {
    const text = "# comment\nother:5432:d:u:no\nh:5432:d\\:x:u:a\\:b\\\\c\n/run/pg:*:*:u:socket\n*:*:*:*:any\n"
    const at = (host: string, name: string) => findPassword(text, { host, port: 5432, database: name, user: "u" })
    expect([at("h", "d:x"), at("/run/pg", "d"), at("h", "d")]).toEqual(["a:b\\c", "socket", "any"])
    expect(findPassword("", { host: "h", port: 1, database: "d", user: "u" })).toBeUndefined()
  })

  it.effect("a password file counts beside a URL without a password, if others cannot read it", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "pass")
      writeFileSync(file, "*:*:*:u:of-the-file\n", { mode: 0o600 })
      const environment = { PGPASSFILE: file }
      const of = (url: string) => {
        const target = resolveOptions({ url, environment })
        return passwordFor(target, target.hosts[0]!)
      }
      expect([of("postgres://u@h/d"), of("postgres://u:own@h/d")]).toEqual(["of-the-file", "own"])
      chmodSync(file, 0o644)
      expect(refusalOf("", environment)).toBe(`the password file ${file} may be read by others: chmod 600 ${file}`)
      expect(refusalOf("?passfile=/nowhere/pass")).toContain("cannot be read: ENOENT")
    })
  )

  it.live("options and application_name are the session's; our own settings come after", () =>
    Effect.gen(function* () {
      yield* database.empty
      const options = "-c work_mem=1234kB -c enable_seqscan=on"
      const url = `${database.options().url as string}&options=${encodeURIComponent(options)}`
      const session = yield* Effect.acquireRelease(
        connect(resolveOptions({ ...database.options(), url }), "someone"),
        (open) => Effect.sync(() => open.leave())
      )
      expect(yield* session.query("select current_setting('work_mem'), current_setting('enable_seqscan')")).toEqual([
        ["1234kB", "off"]
      ])
    })
  )

  it.live("sslmode, sslrootcert, sslcert, sslkey and sslcrl are looked at", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      const data = join(server.folder, "data")
      const port = yield* freePort
      const { gid, uid } = statSync(data)
      for (const name of ["server.crt", "server.key", "ca.crt"]) {
        copyFileSync(tls(name), join(data, name))
        chownSync(join(data, name), uid, gid)
        chmodSync(join(data, name), 0o600)
      }
      // Over TCP only clients that show a certificate of the account.
      writeFileSync(join(data, "pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 cert\n")
      server.settings = { listen_addresses: "127.0.0.1", port: String(port), ssl: "on", ssl_ca_file: "ca.crt" }
      yield* server.start
      const own = `sslcert=${tls("client.crt")}&sslkey=${tls("client.key")}`
      const outcome = (query: string, host = "localhost", hostaddr = "&hostaddr=127.0.0.1") =>
        Effect.match(
          connect(resolveOptions({ url: `postgres://postgres@${host}:${port}/postgres?${query}${hostaddr}` }), "t"),
          {
            onFailure: ({ message }) => message,
            onSuccess: (session) => {
              session.leave()
              return session.encrypted ? "encrypted" : "plain"
            }
          }
        )
      expect(yield* outcome(`sslmode=verify-full&sslrootcert=${tls("ca.crt")}&${own}`)).toBe("encrypted")
      expect(yield* outcome(`sslmode=require&${own}`)).toBe("encrypted")
      expect(yield* outcome(`sslmode=require&sslrootcert=${tls("other.crt")}&${own}`)).toMatch(/certificate|issuer/)
      expect(yield* outcome(`sslmode=verify-full&sslrootcert=${tls("ca.crt")}&${own}`, "elsewhere")).toMatch(/altnames/)
      expect(yield* outcome(`sslmode=verify-ca&sslrootcert=${tls("ca.crt")}&${own}`, "elsewhere")).toBe("encrypted")
      expect(yield* outcome(`sslmode=require&sslrootcert=${tls("ca.crt")}`)).toMatch(/certificate/)
      const listed = (list: string) =>
        outcome(`sslmode=verify-ca&sslrootcert=${tls("ca.crt")}&sslcrl=${tls(list)}&${own}`)
      expect(yield* listed("none.crl")).toBe("encrypted")
      expect(yield* listed("revoked.crl")).toMatch(/revoked/)
      expect(yield* outcome("sslmode=disable")).toMatch(/no encryption/)
      expect(yield* outcome(`sslmode=require&ssl_max_protocol_version=TLSv1.1&${own}`)).toMatch(/reach/)
    })
  )
  it.live("an encrypted sslkey is opened by sslpassword; by another one it is refused, and that is not told", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      server.port = yield* freePort
      server.withTls(tls("server.crt"), tls("server.key"))
      const data = join(server.folder, "data")
      const { gid, uid } = statSync(data)
      copyFileSync(tls("ca.crt"), join(data, "ca.crt"))
      chownSync(join(data, "ca.crt"), uid, gid)
      server.settings = { ...server.settings, ssl_ca_file: "ca.crt", log_connections: "on" }
      yield* server.start
      yield* server.ruleFirst(
        "hostssl all postgres 127.0.0.1/32 cert",
        "hostssl all guarded 127.0.0.1/32 scram-sha-256 clientcert=verify-ca"
      )
      const psql = yield* server.psql
      yield* psql.query("create role guarded login password 'open sesame'")
      const key = createPrivateKey(readFileSync(tls("client.key"))).export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "h%sh-hush"
      })
      const own = join(yield* folder, "client.key")
      writeFileSync(own, key, { mode: 0o600 })
      const lines: Array<string> = []
      const outcome = (user: string, query: string) => {
        const url = `postgres://${user}@localhost:${server.port}/postgres?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=${tls("ca.crt")}&sslcert=${tls("client.crt")}&sslkey=${own}${query}`
        return Effect.suspend(() => connect(resolveOptions({ url }), "t")).pipe(
          Effect.matchCause({
            onFailure: (cause) => {
              lines.push(inspect(cause, { depth: 20 }), Cause.pretty(cause))
              return (Cause.squash(cause) as Error).message
            },
            onSuccess: (session) => {
              session.leave()
              return session.encrypted ? "encrypted" : "plain"
            }
          })
        )
      }
      expect(yield* outcome("postgres", "&sslpassword=h%25sh-hush")).toBe("encrypted")
      expect(yield* outcome("postgres", "&sslpassword=s3cret-1")).toMatch(/sslpassword does not open it/)
      expect(yield* outcome("postgres", "")).toMatch(/is encrypted, and there is no sslpassword/)
      expect(yield* outcome("guarded:open%20sesame", "&sslpassword=h%25sh-hush")).toBe("encrypted")
      expect(yield* outcome("guarded:s3cret-2", "&sslpassword=h%25sh-hush")).toMatch(/password authentication failed/)
      expect(yield* outcome("guarded:s3cret-3", "&sslpassword=h%25sh-hush&channel_binding=require")).toMatch(
        /channel_binding/
      )
      expect(lines.join("\n")).not.toMatch(/s3cret|sesame|hush/)
    })
  )
})
