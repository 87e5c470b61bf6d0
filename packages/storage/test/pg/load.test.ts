import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { readStatements } from "../../src/pg/PgStore/readStatements.ts"
import { Write } from "../../src/port/Write.ts"
import { append, topic } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

describe("loading a compacted partition", () => {
  it.live("looks at few of its batches, however many there are; its size is asked for apart", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      const psql = yield* database.psql()
      yield* psql.query(`insert into kafka.batches select partition_id, leader_epoch, o, o, o, o, (o + 1) * 100, -1, -1, -1,
        data from kafka.batches, generate_series(1, 9999) o; analyze kafka.batches`)
      const compaction = { cleanedOffset: 9000n, cleanedBytes: 1n, deleteHorizon: -1n }
      yield* store.commit([[Write.PutCompaction({ partitionId: 1, compaction })]])
      const [loaded] = yield* store.loadPartitions([1])
      assert.deepInclude(loaded, { endOffset: 10_000n, sizeBytes: undefined, compaction })
      assert.deepStrictEqual(yield* store.sizeOf(1), { cumulativeBytes: 1_000_000n, sizeBytes: 1_000_000n })
      const [plan] = yield* psql.query(`set plan_cache_mode = force_generic_plan; set enable_seqscan = off;
        prepare load(int[]) as ${readStatements.LoadPartitions.sql};
        explain (analyze, buffers, format json) execute load('{1}')`)
      const { Plan } = JSON.parse(plan![0]!)[0]
      assert.isBelow(Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"], 40)
    })
  )
})
