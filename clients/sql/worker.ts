/** A worker that consumes in SQL: poll, apply, commit, each time in one transaction. `worker.ts PORT DATABASE GROUP TOPIC`. */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { applying, connected, inTransaction, isLost } from "./Applying.ts"
import type { Transfer } from "./Applying.ts"

const [port, database, group, topic] = process.argv.slice(2) as [string, string, string, string]
const sql = await connected(Number(port), database)

/** How many records were applied. */
const once = async (): Promise<number> => {
  const rows = await sql.query(
    `select partition, "offset", claim, kafka.as_text(value) from kafka.poll('${group}', '${topic}', 10)`
  )
  for (const [, , , value] of rows) await sql.query(applying(group, JSON.parse(value!) as Transfer))
  const last = rows.at(-1)
  if (last !== undefined) {
    const [partition, offset, claim] = last
    await sql.query(`select kafka.commit_offsets('${group}', '${topic}', ${partition}, ${offset} + 1, ${claim})`)
  }
  return rows.length
}

for (;;) {
  const count = await inTransaction(sql, once).catch((error: unknown) => {
    if (!isLost(error)) throw error
    return 1
  })
  if (count === 0) await sleep(50)
}
