import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Net from "node:net"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { connect } from "../../src/pg/connection/connect.ts"
import { run } from "../../src/pg/connection/Statement.ts"
import { decodePgError } from "../../src/pg/connection/ConnectionError.ts"
import { MessageReader } from "../../src/pg/connection/MessageReader.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { append, topic } from "./Appends.ts"
import { pooler, WELCOME } from "./Pooler.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

describe("MessageReader", () => {
  it("finds the same messages however the stream is cut", () => {
    const bodies = [0, 1, 5, 300, 70_000, 3, 0, 9].map((length, i) => Buffer.alloc(length, i))
    const stream = Buffer.concat(
      bodies.map((body, i) => {
        const head = Buffer.alloc(5)
        head[0] = 65 + i
        head.writeInt32BE(body.length + 4, 1)
        return Buffer.concat([head, body])
      })
    )
    for (const step of [1, 2, 3, 4, 5, 6, 7, 64, 1000, 65_536, stream.length]) {
      const found: Array<readonly [number, number, boolean]> = []
      const reader = new MessageReader((type, buffer, start, end) => {
        found.push([type, end - start, buffer.subarray(start, end).every((byte) => byte === type - 65)])
      })
      for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step))
      expect(found).toEqual(bodies.map((body, i) => [65 + i, body.length, true]))
    }
  })

  it("keeps nothing of a memory that is written over", () => {
    const bodies = [0, 1, 5, 300, 70_000, 3, 0, 9, 140_000, 2].map((length, i) => Buffer.alloc(length, i + 1))
    const stream = Buffer.concat(
      bodies.map((body) => {
        const head = Buffer.alloc(5, 0x44)
        head.writeInt32BE(body.length + 4, 1)
        return Buffer.concat([head, body])
      })
    )
    for (const step of [1, 2, 3, 4, 5, 6, 7, 64, 1000, 65_536, stream.length]) {
      const kept: Array<Buffer> = []
      const reader = new MessageReader((_, buffer, start, end) => void kept.push(buffer.subarray(start, end)))
      const shared = Buffer.alloc(step)
      for (let at = 0; at < stream.length; at += step) {
        const count = stream.copy(shared, 0, at, at + step)
        reader.pushShared(shared.subarray(0, count))
        shared.fill(0xff)
      }
      expect(kept.map((body) => [body.length, body.every((byte) => byte === body[0])])).toEqual(
        bodies.map(({ length }) => [length, true])
      )
      expect(Buffer.concat(kept).equals(Buffer.concat(bodies))).toBe(true)
    }
  })

  it("refuses a length that no server sends", () => {
    const reader = new MessageReader(() => {})
    expect(() => reader.push(Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff]))).toThrow("2147483647")
    expect(() => new MessageReader(() => {}).push(Buffer.from([0x44, 0, 0, 0, 3]))).toThrow()
  })
})

describe("PgConnection", () => {
  it.live("values of every kind there and back; an error ends its own request and no other", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const echo = { name: "echo", sql: "select $1::int[], $2::bigint[], $3::text[], $4::bytea[]" }
      const divide = { name: "divide", sql: "select 1 / (array_length($1::int[], 1) - 1)" }
      yield* psql.prepare([echo, divide])
      const texts = ["", "é漢🐘", null, "x".repeat(200_000)]
      const asked = psql.send((frame) =>
        run(frame, echo, 4, () => {
          frame.int32Array([-1, 2_147_483_647], (value) => value)
          frame.int64Array([-9_223_372_036_854_775_808n], (value) => value)
          frame.textArray(texts, (value) => value)
          frame.bytesArray([new Uint8Array(0), new Uint8Array(5000).fill(9)], (value) => value)
        })
      )
      const broken = Effect.flip(
        psql.send((frame) => run(frame, divide, 1, () => frame.int32Array([1], (value) => value)))
      )
      const [first, error, second] = yield* Effect.all([asked, broken, asked], { concurrency: "unbounded" })
      expect(error).toMatchObject({ _tag: "PgError", code: "22012", severity: "ERROR" })
      expect(first[0]!.map((value) => value!.length)).toEqual([36, 32, 20 + 16 + 9 + 200_000, 28 + 5000])
      expect(second).toEqual(first)
      const text = first[0]![2]!
      expect(text.readInt32BE(4)).toBe(1)
      expect(text.includes("é漢🐘")).toBe(true)
    })
  )

  it.live("a server that never answers is given up on", () =>
    Effect.gen(function* () {
      const server = Net.createServer(() => {})
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () => Effect.sync(() => server.close())
      )
      const { port } = server.address() as Net.AddressInfo
      const target = resolveOptions({ host: "127.0.0.1", port, user: "x", connectTimeoutMs: 50 })
      const refused = yield* Effect.flip(connect(target, "x"))
      expect(refused.message).toBe(`Postgres at 127.0.0.1:${port} did not answer in 50 ms`)
    })
  )

  it.live("so is one that falls silent after its welcome", () =>
    Effect.gen(function* () {
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => socket.write(WELCOME))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () => Effect.sync(() => server.close())
      )
      const { port } = server.address() as Net.AddressInfo
      const target = resolveOptions({ host: "127.0.0.1", port, user: "x", ssl: false, connectTimeoutMs: 50 })
      const refused = yield* Effect.flip(connect(target, "x"))
      expect(refused.message).toBe(`Postgres at 127.0.0.1:${port} did not answer in 50 ms`)
    })
  )

  it.live("our sessions have our own settings, whatever the role's are", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      yield* psql.query(`alter database ${database.name} set statement_timeout = '1ms'`)
      yield* psql.query(`alter database ${database.name} set synchronous_commit = off`)
      const ours = yield* database.psql()
      yield* psql.query(`alter database ${database.name} reset all`)
      expect(
        yield* ours.query(
          "select current_setting('statement_timeout'), current_setting('synchronous_commit'), current_setting('jit')"
        )
      ).toEqual([["1min", "on", "off"]])
    })
  )

  it.live("a warning comes with the answer of what was asked, and nothing less does", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const raise = (level: string) =>
        psql.queryStoring(`do $$ begin raise ${level} 'this' using errcode = '01234'; end $$`)
      const [notice, warning, after] = yield* Effect.all([raise("notice"), raise("warning"), raise("notice")], {
        concurrency: "unbounded"
      })
      expect([notice!.warning, after!.warning]).toEqual([undefined, undefined])
      expect(warning!.warning).toMatchObject({ severity: "WARNING", code: "01234", message: "this" })
    })
  )

  it("severities are read in a field that no locale translates", () => {
    const body = Buffer.from("SWARNUNG\0VWARNING\0C01000\0MWarten abgebrochen\0nbatches_pkey\0\0")
    expect(decodePgError(body)).toMatchObject({ severity: "WARNING", code: "01000", constraint: "batches_pkey" })
  })

  it.live("a lost connection says whether the request had left", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const victim = yield* database.psql()
      const waiting = yield* Effect.forkChild(Effect.flip(victim.query("select pg_sleep(60)")))
      while (victim.load === 0) yield* Effect.yieldNow
      yield* psql.query(`select pg_terminate_backend(${victim.processId})`)
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "ConnectionLost", sent: true })
      expect(yield* Effect.flip(victim.query("select 1"))).toMatchObject({ _tag: "ConnectionLost", sent: false })
    })
  )
})

describe("poolers", () => {
  it.live("in transaction mode: refused, with a line that says why", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open(yield* pooler(database.options(), "transaction"))
      const refused = yield* Effect.flip(Effect.scoped(store.acquire(NOTHING_TOLD)))
      expect(refused).toMatchObject({ _tag: "StoreUnavailable" })
      expect(refused.message).toContain("pooler in transaction mode")
    })
  )

  it.live("in session mode: served", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open(yield* pooler(database.options(), "session"))
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      expect((yield* store.loadPartitions([1]))[0]!.endOffset).toBe(1n)
      yield* store.ping
    })
  )
})

describe("durability", () => {
  it.live("a commit that may be lost is refused or warned about, as asked for", () =>
    Effect.gen(function* () {
      yield* database.empty
      const strict = yield* database.open({ unsafeDurability: "refuse", synchronousCommit: "off" })
      const refused = yield* Effect.flip(Effect.scoped(strict.acquire(NOTHING_TOLD)))
      expect(refused.message).toContain("synchronous_commit")
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => {
        lines.push(String(message))
      })
      const lenient = yield* database.open({ unsafeDurability: "warn", synchronousCommit: "off" })
      for (let i = 0; i < 2; i++) {
        yield* Effect.scoped(lenient.acquire(NOTHING_TOLD)).pipe(Effect.provide(Logger.layer([logger])))
      }
      expect(lines.filter((line) => line.startsWith("ATTENTION: Postgres runs with")).length).toBe(1)
    })
  )
})
