import * as Effect from "effect/Effect"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { prepareTopics } from "./SqlSessions.ts"
import type { TestDatabase } from "./TestDatabase.ts"

/** The schema without a broker: topics of one partition, of three, and a compacted one; an app's schema. */
export const openPublishing = (database: TestDatabase) =>
  Effect.gen(function* () {
    yield* database.empty
    yield* database.install()
    const psql = yield* database.psql()
    yield* prepareTopics(psql, ["one", 1], ["three", 3], ["latest", 1])
    yield* psql.query("insert into kafka.configs values (2, 'latest', 'cleanup.policy', 'compact')")
    return psql
  })

/** What the outbox holds, as `key value`, in order; it is empty afterwards. */
export const told = (psql: PgConnection) =>
  Effect.map(
    psql.query(`select coalesce(convert_from(key, 'UTF8'), '-') || ' ' || coalesce(convert_from(value, 'UTF8'), '-')
      from kafka.outbox order by id; truncate kafka.outbox`),
    (rows) => rows.map(([text]) => text!)
  )

/** What a broker does about a snapshot, in steps of so many rows, until it is done. */
export const readSnapshot = (psql: PgConnection, publication: number, most: number) =>
  Effect.gen(function* () {
    const states: Array<string> = []
    while (states.at(-1) !== "done" && states.length < 1000) {
      const [row] = yield* psql.query(`select state from kafka.publish_step(${publication}, ${most}, 1000000)`)
      states.push(row![0]!)
      if (row![0] !== "running") break
    }
    return states
  })

/** Of an envelope: what was before, what is after, and the operation. */
export const changeIn = (line: string) => {
  const at = line.indexOf(" ")
  const value = line.slice(at + 1)
  if (value === "-") return { key: line.slice(0, at), op: "tombstone" }
  const { after, before, op } = JSON.parse(value) as {
    readonly after: unknown
    readonly before: unknown
    readonly op: string
  }
  return { key: line.slice(0, at), op, before, after }
}
