import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { BothStorages } from "../../../server/test/objects/BothStorages.ts"
import { compareAll, deleting, dropped, rounds } from "../../../server/test/objects/story.ts"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import * as PgStore from "../../src/pg/PgStore.ts"
import { makeFileObjectStore } from "../../src/object/file/FileObjectStore.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

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

describe("a topic of rows and one of objects", () => {
  it.each([
    ["files of one put each", false],
    ["files that grow", true]
  ])(
    "answer the same in Postgres and %s, whatever is asked, while objects are merged and collected",
    {
      timeout: 120_000
    },
    async (_, grows) => {
      await Effect.runPromise(database.empty)
      const scope = Scope.makeUnsafe()
      const folder = mkdtempSync(join(tmpdir(), "tusk-objects-"))
      try {
        const settings = {
          tailCacheBytes: 0,
          readAheadBytes: 0,
          objectStore: grows ? pathToFileURL(folder).href : undefined,
          objectMergeIntervalMs: 100,
          objectCollectIntervalMs: 100
        }
        const files = await Effect.runPromise(Scope.provide(makeFileObjectStore({ path: folder }), scope))
        const start = () =>
          startBroker(settings, {
            store: Layer.orDie(PgStore.layer(database.options())),
            ...(grows ? {} : { objects: { ...files, grow: undefined } })
          })
        let both: BothStorages
        {
          await using broker = await start()
          both = await BothStorages.create(broker)
          await rounds(both)
          assert.deepStrictEqual(
            broker.log.filter(({ level }) => level !== "Info" && level !== "Debug"),
            []
          )
        }
        assert.isAbove(readdirSync(folder, { recursive: true }).length, grows ? 4 : 10)
        assert.isAbove(await count("select count(*) from kafka.batches where object_id is not null"), 20)
        if (!grows) assert.isAbove(await count("select count(*) from kafka.objects where merged"), 7)
        await using broker = await start()
        both = await both.at(broker)
        await compareAll(both)
        await deleting(both)
        await dropped(both)
      } finally {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        rmSync(folder, { recursive: true })
      }
    }
  )
})
