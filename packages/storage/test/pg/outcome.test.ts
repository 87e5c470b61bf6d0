import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Write } from "../../src/port/Write.ts"
import type { Unit } from "../../src/port/Write.ts"
import { append, committed, topic, TOPIC } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { until } from "./PostgresServer.ts"
import { terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const group = (groupId: string): Write => Write.PutGroup({ groupId, kind: "classic", value: "{}" })
const dropGroup = Write.DeleteGroup({ groupId: "g" })
const deleteBatches = (below: bigint) => Write.DeleteBatches({ partitionId: 1, below, limit: 10 })

const object = Write.PutObject({ objectId: 9n, name: "c/w/9", bytes: 100, createdAt: 1n, merged: false })
const inObject = (write: Write): Write => ({ ...write, stored: { objectId: 9n, position: 0 } }) as Write

/** Commits of every shape, each with the table at which it is held up. */
const SHAPES: ReadonlyArray<readonly [string, string, Unit]> = [
  ["a batch", "batches", [append(1n)]],
  ["a batch in an object", "batches", [object, inObject(append(1n))]],
  ["an object", "objects", [object]],
  ["a batch and an offset", "offsets", [append(1n), committed("g", 1, 2n)]],
  ["an offset", "offsets", [committed("g", 1, 2n)]],
  ["the same offset twice", "offsets", [committed("g", 1, 2n), committed("g", 1, 3n)]],
  ["a group", "groups", [group("g")]],
  ["a batch that goes with it again", "batches", [append(1n), deleteBatches(2n)]],
  ["an offset that goes with it again", "offsets", [committed("g", 1, 2n), dropGroup]],
  ["a config", "configs", [Write.PutConfig({ resourceType: 2, resourceName: "t", name: "a", value: "1" })]],
  ["a topic that goes", "topics", [committed("g", 1, 5n), Write.DeleteTopic({ topicId: TOPIC })]]
]

/** A session that writes to a table waits until `LET_GO`. */
const hold = (table: string) => `create function public.hold() returns trigger language plpgsql as $$ begin
    perform pg_advisory_xact_lock_shared(42);
    return null;
  end $$;
  create trigger hold before insert or update or delete on kafka.${table}
    for each statement execute function public.hold();
  select pg_advisory_lock(42)`
const LET_GO = "select pg_advisory_unlock(42)"
const HELD_UP = "locktype = 'advisory' and objid = 42 and not granted"

/** A broker that loses its connection while a commit of its own is held up at a table. */
const cutDuring = (table: string, unit: Unit) =>
  Effect.gen(function* () {
    yield* database.empty
    const psql = yield* database.psql()
    const proxy = yield* cuttingProxy(database.options())
    const store = yield* database.open(proxy.options)
    yield* store.acquire(NOTHING_TOLD)
    yield* store.commit([topic, [append(0n), committed("g", 1, 1n), group("h")]])
    yield* psql.query(hold(table))
    const commit = yield* Effect.forkChild(Effect.flip(store.commit([unit])))
    yield* until(psql, `exists (select from pg_locks where ${HELD_UP})`)
    proxy.cut()
    assert.strictEqual((yield* Fiber.join(commit))._tag, "OutcomeUnknown")
    return { psql, store }
  })

const takeOver = (store: { acquire: Effect.Success<ReturnType<TestDatabase["open"]>>["acquire"] }) =>
  Effect.map(store.acquire(NOTHING_TOLD), ({ unknownCommitStored }) => unknownCommitStored)

describe("a commit that loses its connection is looked up under the lock", () => {
  for (const [what, table, unit] of SHAPES) {
    it.live(`${what}: it ended first, and is there`, () =>
      Effect.gen(function* () {
        const { psql, store } = yield* cutDuring(table, unit)
        yield* psql.query(LET_GO)
        // What is asked meanwhile is not sent.
        assert.strictEqual((yield* Effect.flip(store.commit([[group("late")]])))._tag, "Fenced")
        assert.isTrue(yield* takeOver(store))
        // As often as it is asked, until something else is stored.
        assert.isTrue(yield* takeOver(store))
        yield* store.commit([[group("later")]])
        assert.isUndefined(yield* takeOver(store))
      })
    )

    it.live(`${what}: it never ends, and never will be there`, () =>
      Effect.gen(function* () {
        const { psql, store } = yield* cutDuring(table, unit)
        assert.isFalse(yield* takeOver(store))
        yield* psql.query(LET_GO)
        assert.isFalse(yield* takeOver(store))
        yield* store.commit([unit])
        assert.isUndefined(yield* takeOver(store))
      })
    )
  }

  for (const [stored, told] of [
    [true, true],
    [false, undefined]
  ] as const) {
    it.live(`if another broker wrote since, what is not found cannot be told: stored ${stored}`, () =>
      Effect.gen(function* () {
        const { psql, store } = yield* cutDuring("batches", [append(1n)])
        if (!stored) yield* psql.query(`select pg_terminate_backend(pid) from pg_locks where ${HELD_UP}`)
        yield* psql.query(LET_GO)
        yield* until(psql, `not exists (select from pg_locks where locktype = 'advisory' and objid = 42)`)
        yield* terminateWriter(psql)
        const other = yield* database.open({ lockWaitMs: 5000 })
        yield* Effect.scoped(Effect.andThen(other.acquire(NOTHING_TOLD), other.commit([[group("other")]])))
        assert.strictEqual(yield* takeOver(store), told)
      })
    )
  }

  it.live("rows that tell do not pile up", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const count = Effect.map(psql.query("select count(*) from kafka.commits"), ([row]) => Number(row![0]))
      for (let reign = 0; reign < 3; reign++) {
        const store = yield* database.open()
        const session = yield* Scope.make()
        yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
        for (let i = 0; i < 5; i++) yield* store.commit([[group(`g${i}`)]])
        assert.strictEqual(yield* count, 1)
        yield* store.commit([[committed("g", 1, 2n)]])
        assert.strictEqual(yield* count, 1)
        yield* Scope.close(session, Exit.void)
      }
      const [ids] = yield* psql.query("select commit_id >> 32, commit_id & 4294967295 from kafka.commits")
      assert.deepStrictEqual(ids, ["3", "5"])
    })
  )
})

describe("what Postgres answers to a commit", () => {
  const open = Effect.gen(function* () {
    yield* database.empty
    const psql = yield* database.psql()
    const store = yield* database.open({ lockTimeoutMs: 50, statementTimeoutMs: 400 })
    yield* store.acquire(NOTHING_TOLD)
    yield* store.commit([topic])
    return { psql, store }
  })

  const CODES = {
    StoreRefused: ["22003", "22P05", "23505", "23514", "23502", "0A000", "54000", "42804", "P0001", "38000", "44000"],
    StoreUnavailable: [
      "53100",
      "53200",
      "55P03",
      "57014",
      "25006",
      "58030",
      "XX000",
      "40001",
      "40P01",
      "42501",
      "42P01"
    ]
  } as const

  it.live("of what is to be stored it says so; all else may be asked again; nothing is stored", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* psql.query(`create function public.refuse() returns trigger language plpgsql as $$ begin
          if new.name = 'code' then raise exception 'as told' using errcode = new.value; end if;
          return new;
        end $$;
        create trigger refuse before insert on kafka.configs for each row execute function public.refuse()`)
      for (const [tag, codes] of Object.entries(CODES)) {
        for (const value of codes) {
          const config = Write.PutConfig({ resourceType: 2, resourceName: "t", name: "code", value })
          const refused = yield* Effect.flip(store.commit([[group("refused"), config]]))
          assert.deepStrictEqual([value, refused._tag], [value, tag])
          assert.include(refused.message, `as told (${value})`)
        }
      }
      yield* store.commit([[group("stored")]])
      assert.deepStrictEqual(
        (yield* store.loadGroups).map(({ groupId }) => groupId),
        ["stored"]
      )
      assert.isUndefined(yield* takeOver(store))
    })
  )

  it.live("another session's lock is waited for as long as the settings say", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* psql.query("begin; lock table kafka.groups")
      const locked = yield* Effect.flip(store.commit([[group("g")]]))
      assert.strictEqual(locked._tag, "StoreUnavailable")
      assert.include(locked.message, "55P03")
      yield* psql.query(`rollback; create function public.slow() returns trigger language plpgsql as $$ begin
          perform pg_sleep(60);
          return new;
        end $$;
        create trigger slow before insert on kafka.groups for each row execute function public.slow()`)
      const slow = yield* Effect.flip(store.commit([[group("g")]]))
      assert.strictEqual(slow._tag, "StoreUnavailable")
      assert.include(slow.message, "57014")
      yield* store.commit([[append(0n)]])
    })
  )

  it.live("a value that cannot be encoded has sent nothing, and the session is as it was", () =>
    Effect.gen(function* () {
      const { store } = yield* open
      const good = append(0n) as Extract<Write, { readonly _tag: "Append" }>
      const broken: ReadonlyArray<Write> = [
        { ...good, leaderEpoch: 2 ** 40 },
        { ...good, baseOffset: 2n ** 63n },
        { ...good, records: undefined as unknown as Uint8Array },
        Write.PutGroup({ groupId: "g", kind: "classic", value: undefined as unknown as string })
      ]
      for (const write of broken) {
        const refused = yield* Effect.flip(store.commit([[group("g"), write]]))
        assert.strictEqual(refused._tag, "StoreRefused")
      }
      yield* store.commit([[good]])
      yield* store.ping
      assert.deepStrictEqual(yield* store.loadGroups, [])
    })
  )

  it.live("an outcome that is known already is told at the next take-over", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* store.commit([[append(0n)]])
      // A row of another session, which memory knows nothing of.
      yield* psql.query(`insert into kafka.batches select partition_id, leader_epoch, 1, 1, max_timestamp,
        timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data from kafka.batches`)
      assert.strictEqual((yield* Effect.flip(store.commit([[append(1n)]])))._tag, "OutcomeUnknown")
      assert.isFalse(yield* takeOver(store))
      assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, 2n)
      yield* psql.query(`insert into kafka.offsets (group_id, partition_id, committed_offset, leader_epoch,
          commit_timestamp, expire_timestamp, commit_id)
        select 'g', 1, 1, 1, 1, 1, generate_series(1, 100)`)
      assert.strictEqual((yield* Effect.flip(store.commit([[committed("h", 1, 2n)]])))._tag, "OutcomeUnknown")
      assert.isFalse(yield* takeOver(store))
      yield* store.commit([[committed("h", 1, 2n)]])
    })
  )
})
