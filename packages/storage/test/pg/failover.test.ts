import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD, UNKNOWN } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { Write } from "../../src/port/Write.ts"
import type { Told } from "../../src/port/CommitStore.ts"
import type { Store } from "../../src/port/Store.ts"
import { append, topic } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { PostgresServer, until } from "./PostgresServer.ts"
import { openStore, terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const LEAP = 1_000_000

/** A server and its standby, both up. */
const pair = Effect.gen(function* () {
  const primary = yield* PostgresServer.make
  const standby = yield* PostgresServer.standbyOf(primary)
  yield* primary.start
  yield* standby.start
  yield* Effect.scoped(
    Effect.flatMap(primary.psql, (psql) =>
      until(psql, "exists (select from pg_stat_replication where state = 'streaming')")
    )
  )
  return { primary, standby }
})

/** Everything that the one has stored is there on the other. */
const caughtUp = (primary: PostgresServer, standby: PostgresServer) =>
  Effect.scoped(
    Effect.gen(function* () {
      const [at] = yield* (yield* primary.psql).query("select pg_current_wal_lsn()")
      yield* until(yield* standby.psql, `pg_last_wal_replay_lsn() >= '${at![0]}'`)
    })
  )

/** The standby hears nothing any more. */
const cutOff = (standby: PostgresServer) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* standby.configure({ primary_conninfo: "" })
      yield* until(yield* standby.psql, "not exists (select from pg_stat_wal_receiver)")
    })
  )

const end = (store: Store["Service"]) => Effect.map(store.loadPartitions([1]), ([partition]) => partition!.endOffset)

const reign = <A, E, R>(store: Store["Service"], told: Told, use: Effect.Effect<A, E, R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const cluster = yield* store.acquire(told)
      return { cluster, result: yield* use }
    })
  )

describe("failover to an asynchronous standby", () => {
  it.live("is seen, once, and no counter is given twice", () =>
    Effect.gen(function* () {
      const { primary, standby } = yield* pair
      // In whatever order they stand: the standby is passed over.
      const store = yield* openStore(primary.options({ host: `${standby.folder},${primary.folder}` }))
      const { cluster } = yield* reign(
        store,
        NOTHING_TOLD,
        Effect.gen(function* () {
          yield* store.commit([topic, [append(0n)], [Write.PutNextProducerId({ next: 1000n })]])
          yield* caughtUp(primary, standby)
          yield* cutOff(standby)
          yield* store.commit([[append(1n)], [Write.PutNextProducerId({ next: 2000n })]])
          yield* store.commit([[Write.PutPartition({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", index: 1, partitionId: 2 })]])
          assert.strictEqual(yield* end(store), 2n)
        })
      )
      assert.deepStrictEqual([cluster.epoch, cluster.failover], [1, undefined])
      yield* primary.stop("SIGQUIT")
      yield* standby.promote

      // A process that was told nothing leaps farther than anything the lost tail gave.
      const stranger = yield* openStore(standby.options())
      const first = yield* reign(stranger, NOTHING_TOLD, end(stranger))
      assert.strictEqual(first.result, 1n)
      const { failover, ...counters } = first.cluster
      assert.strictEqual(failover!.from.systemIdentifier, failover!.to.systemIdentifier)
      assert.deepStrictEqual([failover!.from.timeline, failover!.to.timeline], ["00000001", "00000002"])
      assert.deepInclude(counters, {
        epoch: 1002,
        failoverEpoch: 1002,
        nextProducerId: BigInt(LEAP + 1000),
        nextPartitionId: LEAP + 2
      })

      const told = { epoch: 5000, nextProducerId: 5_000_000n, nextPartitionId: 3 }
      const second = yield* reign(store, told, store.loadPartitions([1]))
      assert.deepInclude(second.cluster, {
        epoch: 5001,
        failoverEpoch: 1002,
        failover: undefined,
        nextProducerId: 5_000_000n,
        nextPartitionId: LEAP + 2
      })
      assert.strictEqual(second.result[0]!.failoverEpoch, 0)
    })
  )

  it.live("readers, the watch and the vacuum end with the reign; none stays on the old server", () =>
    Effect.gen(function* () {
      const { primary, standby } = yield* pair
      const proxy = yield* cuttingProxy(primary.options())
      const store = yield* openStore(proxy.options)
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      yield* caughtUp(primary, standby)
      yield* cutOff(standby)
      yield* store.commit([[append(1n)]])
      assert.strictEqual(yield* end(store), 2n)
      yield* store.ping
      yield* store.heartbeat
      // The old primary lives on; the address leads to the new one.
      yield* standby.promote
      proxy.redirect(standby.options())
      const old = yield* primary.psql
      yield* terminateWriter(old)
      const { failover } = yield* store.acquire(NOTHING_TOLD)
      assert.isDefined(failover)
      yield* until(old, "not exists (select from pg_stat_activity where application_name like 'tusk%')")
      assert.strictEqual(yield* end(store), 1n)
      yield* store.commit([[append(1n)]])
      yield* store.ping
      assert.strictEqual(yield* end(store), 2n)
    })
  )

  it.live("what answers at the writer's address has to be the writer's server before it is believed", () =>
    Effect.gen(function* () {
      const { primary, standby } = yield* pair
      const proxy = yield* cuttingProxy(primary.options())
      const store = yield* openStore(proxy.options)
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      yield* store.loadPartitions([1])
      yield* store.ping
      yield* store.heartbeat
      yield* caughtUp(primary, standby)
      proxy.redirect(standby.options())
      const psql = yield* primary.psql
      yield* endBeside(psql)
      const read = yield* Effect.flip(store.loadPartitions([1]))
      assert.deepStrictEqual(
        [read._tag, read.message],
        ["StoreUnavailable", "the server at the writer's address is not the writer's: nothing is read from it"]
      )
      assert.deepInclude(yield* Effect.flip(store.ping), { _tag: "Fenced", message: "nobody holds the cluster's lock" })
      assert.strictEqual((yield* Effect.flip(store.heartbeat))._tag, "StoreUnavailable")
      // Nothing is wrong with the writer's session itself.
      yield* store.commit([[append(1n)]])
      proxy.redirect(primary.options())
      yield* store.ping
      yield* store.heartbeat
      assert.strictEqual(yield* end(store), 2n)
    })
  )
})

/** Ends all sessions but the one that holds the lock. */
const endBeside = (psql: PgConnection) =>
  psql.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where application_name like 'tusk%' and pid not in (select pid from pg_locks where locktype = 'advisory')`)

describe("failover to a synchronous standby", () => {
  it.live("loses nothing that was stored", () =>
    Effect.gen(function* () {
      const { primary, standby } = yield* pair
      yield* primary.configure({ synchronous_standby_names: "standby" })
      const psql = yield* primary.psql
      yield* until(psql, "exists (select from pg_stat_replication where sync_state = 'sync')")
      const store = yield* openStore(primary.options({ host: `${primary.folder},${standby.folder}` }))
      const session = yield* Scope.make()
      yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
      yield* store.commit([topic])
      for (let offset = 0n; offset < 50n; offset++) yield* store.commit([[append(offset)]])
      yield* primary.stop("SIGQUIT")
      assert.strictEqual((yield* Effect.flip(store.commit([[append(50n)]])))._tag, "Fenced")
      yield* Scope.close(session, Exit.void)
      yield* standby.promote
      const { failover } = yield* store.acquire(NOTHING_TOLD)
      assert.isDefined(failover)
      assert.strictEqual(yield* end(store), 50n)
    })
  )
})

describe("no failover", () => {
  it.live("is a restart of the same server, clean or after a crash", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      const store = yield* openStore(server.options())
      const epochs: Array<number> = []
      for (const signal of ["SIGINT", "SIGQUIT", "SIGQUIT"] as const) {
        yield* server.start
        const { cluster } = yield* reign(store, NOTHING_TOLD, Effect.void)
        assert.isUndefined(cluster.failover)
        epochs.push(cluster.epoch)
        yield* server.stop(signal)
      }
      assert.deepStrictEqual(epochs, [1, 2, 3])
    })
  )

  const database = new TestDatabase()

  it.live("is concluded from what a server does not say", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const role = database.name
      yield* Effect.addFinalizer(() =>
        psql.query(`drop schema kafka cascade; drop owned by ${role}; drop role ${role}`).pipe(Effect.ignore)
      )
      yield* psql.query(`create role ${role} login; grant create on database ${role} to ${role}`)
      const store = yield* database.open({ user: role })
      const noted = Effect.map(
        psql.query("select split_part(system_identifier, '/', 1), timeline from kafka.cluster"),
        ([row]) => row
      )
      const [identifier] = (yield* psql.query("select system_identifier from pg_control_system()"))[0]! as [string]
      const functions = "pg_control_system(), pg_walfile_name(pg_lsn)"
      yield* psql.query(`revoke execute on function ${functions} from public`)
      yield* reign(store, NOTHING_TOLD, Effect.void)
      assert.deepStrictEqual(yield* noted, [UNKNOWN, UNKNOWN])
      yield* psql.query(`grant execute on function ${functions} to public`)
      const known = yield* reign(store, NOTHING_TOLD, Effect.void)
      assert.deepStrictEqual(yield* noted, [identifier, "00000001"])
      yield* psql.query(`revoke execute on function ${functions} from public`)
      const silent = yield* reign(store, NOTHING_TOLD, Effect.void)
      assert.deepStrictEqual(yield* noted, [identifier, "00000001"])
      assert.deepStrictEqual([known.cluster.failover, silent.cluster.failover], [undefined, undefined])
      yield* psql.query(`grant execute on function ${functions} to public`)
    })
  )

  it.live("that a dump was restored, beside its original, and that a person says so", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open()
      const first = yield* reign(store, NOTHING_TOLD, Effect.void)
      // As psql does with a dump: the same rows, in a table of their own.
      yield* psql.query(`create table kafka.restored (like kafka.cluster including all);
        insert into kafka.restored select * from kafka.cluster;
        alter table kafka.cluster rename to original; alter table kafka.restored rename to cluster`)
      const second = yield* reign(yield* database.open(), NOTHING_TOLD, Effect.void)
      assert.strictEqual(second.cluster.epoch, first.cluster.epoch + 1001)
      assert.notStrictEqual(second.cluster.failover!.from.place, second.cluster.failover!.to.place)
      const third = yield* reign(yield* database.open(), NOTHING_TOLD, Effect.void)
      assert.deepStrictEqual([third.cluster.failover, third.cluster.epoch], [undefined, second.cluster.epoch + 1])
      // A copy of the disk is the same in everything.
      yield* psql.query("update kafka.cluster set timeline = 'restored'")
      const fourth = yield* reign(yield* database.open(), NOTHING_TOLD, Effect.void)
      assert.strictEqual(fourth.cluster.epoch, third.cluster.epoch + 1001)
    })
  )

  it.live("and nothing is concluded from what an earlier Tusk did not note", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const first = yield* reign(yield* database.open(), NOTHING_TOLD, Effect.void)
      yield* psql.query("update kafka.cluster set system_identifier = split_part(system_identifier, '/', 1)")
      const second = yield* reign(yield* database.open(), NOTHING_TOLD, Effect.void)
      assert.deepStrictEqual([second.cluster.failover, second.cluster.epoch], [undefined, first.cluster.epoch + 1])
    })
  )
})
