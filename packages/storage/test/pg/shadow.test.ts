import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { connect } from "../../src/pg/connection/connect.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { shadowRowsOf } from "../../src/pg/PgStore/shadowRows.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { ShadowPartition } from "../../src/port/ShadowRows.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const CLUSTER = "another"
const place = { topic: "or'ders \"é", partition: 3 }

const partition: ShadowPartition = {
  ...place,
  sourceTopicId: "source",
  targetTopicId: "target",
  difference: -(2n ** 60n),
  fills: true,
  targetStart: 2n ** 61n,
  targetEnd: 2n ** 61n,
  sourceNext: 2n ** 60n,
  sourceEnd: 2n ** 60n,
  stoppedWhy: undefined
}

/** Of a broker, and of a command beside it. */
const opened = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const beside = yield* shadowRowsOf(connect(resolveOptions(database.options()), "shadow"))
  return { rows: store.shadow!, beside, psql: yield* database.psql() }
})

describe("how far a shadow is", () => {
  it.live("is one producer for each target, whoever asked for it first", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { beside, rows } = yield* opened
        assert.isUndefined(yield* rows.producer(CLUSTER))
        const first = { producerId: 2n ** 62n, epoch: 0 }
        assert.deepStrictEqual(yield* rows.putProducer(CLUSTER, first), first)
        assert.deepStrictEqual(yield* beside.putProducer(CLUSTER, { producerId: 7n, epoch: 1 }), first)
        assert.deepStrictEqual(yield* beside.producer(CLUSTER), first)
        assert.isUndefined(yield* rows.producer("a third"))
      })
    )
  )

  it.live("begins once, goes on, stops with a reason, and is forgotten", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { beside, psql, rows } = yield* opened
        yield* rows.begin(CLUSTER, partition)
        yield* beside.begin(CLUSTER, { ...partition, difference: 1n })
        assert.deepStrictEqual(yield* beside.partitions(CLUSTER), [partition])
        const noted = { ...place, targetEnd: partition.targetEnd + 5n, sourceNext: partition.sourceNext + 5n }
        yield* rows.note(CLUSTER, [{ ...noted, sourceEnd: noted.sourceNext + 2n }])
        // One that is behind tells nothing.
        yield* beside.note(CLUSTER, [{ ...place, targetEnd: 1n, sourceNext: 1n, sourceEnd: 1n }])
        const overview = "select lag, stopped_why, stopped_at is null from kafka.shadow_overview"
        assert.deepStrictEqual(yield* psql.query(overview), [["2", null, "t"]])
        yield* rows.stop(CLUSTER, place, "because")
        const since = "select stopped_at from kafka.shadow_partitions"
        const [[first]] = (yield* psql.query(since)) as [[string]]
        yield* rows.stop(CLUSTER, place, "of something else")
        assert.deepStrictEqual(yield* psql.query(since), [[first]])
        assert.deepStrictEqual(yield* psql.query(overview), [["2", "of something else", "f"]])
        const [row] = yield* rows.partitions(CLUSTER, place)
        assert.deepStrictEqual([row?.targetEnd, row?.stoppedWhy], [noted.targetEnd, "of something else"])
        assert.deepStrictEqual(yield* rows.partitions(CLUSTER, { ...place, partition: 4 }), [])
        yield* rows.note(CLUSTER, [{ ...noted, sourceEnd: 0n }])
        assert.deepStrictEqual(yield* psql.query(overview), [["2", null, "t"]])
        yield* rows.forget(CLUSTER, place)
        assert.deepStrictEqual(yield* rows.partitions(CLUSTER), [])
      })
    )
  )

  it.live("is a map of offsets, which one alone writes for as long as its session lives", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { beside, psql, rows } = yield* opened
        yield* rows.begin(CLUSTER, { ...partition, fills: false })
        const entries = [1n, 2n, 3n].map((at) => ({ source: at * 10n, target: at }))
        assert.isTrue(yield* rows.lockMap(CLUSTER))
        assert.isTrue(yield* rows.map(CLUSTER, place, entries))
        assert.isFalse(yield* beside.lockMap(CLUSTER))
        assert.isFalse(yield* beside.map(CLUSTER, place, [{ source: 99n, target: 99n }]))
        assert.deepStrictEqual(yield* beside.mapped(CLUSTER, place), entries)
        yield* rows.trimMap(CLUSTER, place, { from: 3n, oldest: 2n })
        assert.deepStrictEqual(yield* rows.mapped(CLUSTER, place), [entries[1]!])
        yield* psql.query(
          "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 1 and granted"
        )
        while (!(yield* beside.lockMap(CLUSTER)));
        assert.isTrue(yield* beside.map(CLUSTER, place, [{ source: 30n, target: 3n }]))
        // A session that is lost is opened again by what is asked next, or by what is asked after that.
        const asked = Effect.orElseSucceed(rows.map(CLUSTER, place, entries), () => false)
        assert.isFalse(yield* asked)
        assert.isTrue(yield* beside.lockMap("a third"))
        yield* beside.forget(CLUSTER, place)
        assert.deepStrictEqual(yield* beside.mapped(CLUSTER, place), [])
      })
    )
  )
})
