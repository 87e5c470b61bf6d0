import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { BothStorages } from "../../../server/test/objects/BothStorages.ts"
import { compareAll, deleting, dropped, rounds } from "../../../server/test/objects/story.ts"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import * as PgStore from "../../src/pg/PgStore.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const TIERED = { "remote.storage.enable": "true", "local.retention.bytes": "0" } as const

const count = (text: string): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const psql = yield* database.psql()
        const [row] = yield* psql.query(text)
        return Number(row![0])
      })
    )
  )

describe("a topic of rows and one whose old batches move away meanwhile", () => {
  it("answer the same in Postgres and files, whatever is asked", { timeout: 120_000 }, async () => {
    await Effect.runPromise(database.empty)
    const folder = mkdtempSync(join(tmpdir(), "tusk-tiers-"))
    try {
      const settings = {
        tailCacheBytes: 0,
        readAheadBytes: 0,
        objectStore: pathToFileURL(folder).href,
        objectMergeIntervalMs: 100,
        objectCollectIntervalMs: 100,
        tierIntervalMs: 20
      }
      const start = () => startBroker(settings, { store: Layer.orDie(PgStore.layer(database.options())) })
      let both: BothStorages
      {
        await using broker = await start()
        both = await BothStorages.create(broker, 2, {}, TIERED)
        await rounds(both)
        assert.deepStrictEqual(
          broker.log.filter(({ level }) => level !== "Info" && level !== "Debug"),
          []
        )
      }
      assert.strictEqual(await count("select count(*) from kafka.partitions where local_start_offset > 30"), 2)
      // Below it nothing is left in a row.
      const left = `select count(*) from kafka.batches b join kafka.partitions p using (partition_id)
        where b.data is not null and b.last_offset < p.local_start_offset`
      assert.strictEqual(await count(left), 0)
      await using broker = await start()
      both = await both.at(broker)
      await compareAll(both)
      await deleting(both)
      await dropped(both)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
