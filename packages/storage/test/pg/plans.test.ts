import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { sessionSettings } from "../../src/pg/connection/sessionSettings.ts"
import { commitTexts, outboxTexts, readTexts } from "../../src/pg/sql/bundle.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** What takes single rows away, or reads them. */
const texts = {
  DeleteBatches: commitTexts.DeleteBatches,
  DeleteGroupMember: commitTexts.DeleteGroupMember,
  DeleteOutbox: commitTexts.DeleteOutbox,
  EndTransaction: commitTexts.EndTransaction,
  RefuseOutbox: commitTexts.RefuseOutbox,
  RemoveBatches: commitTexts.RemoveBatches,
  PutErased: commitTexts.PutErased,
  PutMerged: commitTexts.PutMerged,
  MoveBatches: commitTexts.MoveBatches,
  ReplacePointers: commitTexts.ReplacePointers,
  PutUnusedObjects: commitTexts.PutUnusedObjects,
  OutboxRows: outboxTexts.OutboxRows,
  ObjectsInUse: readTexts.ObjectsInUse,
  ObjectsUnused: readTexts.ObjectsUnused,
  ObjectsKnown: readTexts.ObjectsKnown,
  ObjectsByName: readTexts.ObjectsByName,
  ObjectBatches: readTexts.ObjectBatches,
  ObjectPointedIds: readTexts.ObjectPointedIds,
  BatchesIn: readTexts.BatchesIn
}

describe("rows that are found by their keys", () => {
  it.live("are looked up one by one, also in a table that was empty when vacuum saw it", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const [version] = yield* psql.query("show server_version_num")
      // Older servers have no plan without parameters to show.
      if (Number(version![0]) < 160_000) return
      for (const table of [
        "batches",
        "aborted_transactions",
        "open_transactions",
        "outbox",
        "group_members",
        "objects"
      ]) {
        yield* psql.query(`vacuum analyze kafka.${table}`)
      }
      yield* psql.query(sessionSettings(resolveOptions(database.options()), 18))
      for (const [name, text] of Object.entries(texts)) {
        const plan = (yield* psql.query(`explain (generic_plan, costs off) ${text}`)).map(([line]) => line!).join("\n")
        // A condition on a key that no index answers is a look at every row.
        const looked = plan.match(/Join Filter:.*|Filter: .*(_id|offset) = .*/g)
        expect([name, looked, /Index Cond: .*=/.test(plan)]).toEqual([name, null, true])
      }
    }).pipe(Effect.scoped)
  )
})
