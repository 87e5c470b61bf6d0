import { mergeDefaults, objectDefaults } from "@tusk/storage/defaults"
import { makeFileObjectStore } from "@tusk/storage/object/file/FileObjectStore"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { holdsWithin } from "../groups/Report.ts"
import type { Sql } from "../groups/EmbeddedSql.ts"
import { openEmbeddedSql } from "../groups/EmbeddedSql.ts"

/** Where Tusk keeps the objects of a bench, beside its Postgres. */
export const objectsOf = (dataDir: string): string => join(dataDir, "objects")

const withSql = async <A>(dataDir: string, work: (sql: Sql) => Promise<A>): Promise<A> => {
  const sql = await openEmbeddedSql(dataDir)
  try {
    return await work(sql)
  } finally {
    await sql.close()
  }
}

/** What is merged at one time at most: a rest below it may stay as it is. */
const REST_BYTES = mergeDefaults.bytes
const LONGEST_MS = 300_000

/** Resolves when what was just written lies in large objects, as what a consumer finds that is behind by minutes. */
export const untilMerged = (dataDir: string): Promise<void> =>
  withSql(dataDir, async (sql) => {
    const isMerged = async () => {
      // What is made of small ones may be newer than the one that grows yet, whose row has the most that it may come to.
      const [row] = await sql.rows(
        `select coalesce(sum(bytes), 0) from kafka.objects o where not merged and unused_since is null
          and object_id is distinct from (select max(object_id) from kafka.objects where not merged and bytes = ${objectDefaults.grownBytes})
          and exists (select from kafka.batches b where b.object_id = o.object_id)`
      )
      return Number(row?.[0]) < REST_BYTES
    }
    if (!(await holdsWithin(LONGEST_MS, isMerged, 500)))
      console.log("objects are not merged: consumers read small ones")
  })

/** Removes objects to which no batch points, as the broker does when they are old: the next rounds need their room. */
export const removeUnused = (dataDir: string): Promise<void> =>
  withSql(dataDir, async (sql) => {
    const left = "select count(*) from kafka.partitions where topic_id is null"
    // A deleted topic's rows go in steps.
    await holdsWithin(LONGEST_MS, async () => (await sql.rows(left))[0]?.[0] === "0", 100)
    // Of one that grows yet the row has the most that it may come to.
    const unused = `select name from kafka.objects o where bytes <> ${objectDefaults.grownBytes} and not exists (select from kafka.batches b where b.object_id = o.object_id)`
    const names = (await sql.rows(unused)).map(([name]) => name!)
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* makeFileObjectStore({ path: objectsOf(dataDir) })
          yield* Effect.forEach(names, (name) => store.remove(name), { concurrency: 4, discard: true })
        })
      )
    )
  })
