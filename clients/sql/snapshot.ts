import { performance } from "node:perf_hooks"
import { quantile, sleep } from "../../bench/groups/Report.ts"
import { Wire } from "../../bench/groups/Wire.ts"
import { Delivery, stamped } from "../../bench/sql/Delivery.ts"
import { createTopic } from "../failover/Asking.ts"
import type { World } from "./World.ts"

const TOPIC = "steady"
const VALUE_BYTES = 1024

export interface SnapshotOptions {
  readonly seconds: number
  /** Records a second, over all sessions. */
  readonly rate: number
}

/** A call each, committed at once, at a steady rate. Tells how many were produced. */
const produceAt = async ({ session }: World, { rate, seconds }: SnapshotOptions): Promise<number> => {
  const lanes = 8
  const one = async () => {
    const sql = await session()
    const began = performance.now()
    let count = 0
    while (performance.now() - began < seconds * 1000) {
      const due = began + (count * 1000 * lanes) / rate
      const wait = due - performance.now()
      if (wait > 1) await sleep(wait)
      await sql.query(`select kafka.produce('${TOPIC}', value => '${stamped(VALUE_BYTES)}')`)
      count++
    }
    sql.close()
    return count
  }
  const counts = await Promise.all(Array.from({ length: lanes }, one))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Rows that looks found, without those that a delete found by their keys; and how large the table is. */
const READS = `select idx_tup_fetch + seq_tup_read - n_tup_del, pg_table_size('kafka.outbox')
  from pg_stat_user_tables where schemaname = 'kafka' and relname = 'outbox'`

/** A snapshot is held elsewhere: what the drain reads and the outbox's size stay bounded by what is produced (bar 4). */
export const besideHeldSnapshot = async (world: World, options: SnapshotOptions): Promise<void> => {
  const { bootstrap, report, server, session } = world
  await createTopic(bootstrap, TOPIC, 1)
  const wire = await Wire.connect(bootstrap)
  let offset = 0n
  let largest = 0
  for (const round of [1, 2]) {
    const holder = await session()
    await holder.query("begin isolation level repeatable read")
    await holder.query("select count(*) from kafka.topics")
    const stats = async () => (await server.query(READS))[0]!.map(Number) as [number, number]
    const [readBefore, sizeBefore] = await stats()
    const delivery = new Delivery(wire, TOPIC, offset)
    const produced = await produceAt(world, options)
    await sleep(1500)
    delivery.stop()
    await delivery.ended
    offset += BigInt(produced)
    const [readAfter, sizeAfter] = await stats()
    const reads = (readAfter - readBefore) / produced
    const growth = (sizeAfter - Math.max(sizeBefore, largest)) / (produced * VALUE_BYTES)
    largest = Math.max(largest, sizeAfter)
    const p99 = quantile(delivery.latencies, 0.99)
    report.check(
      `snapshot ${round}: all delivered`,
      delivery.latencies.length === produced,
      `${delivery.latencies.length} of ${produced}`,
      "all"
    )
    report.check(`snapshot ${round}: rows read a record`, reads <= 1.2, reads.toFixed(2), "at most 1.2")
    report.check(
      `snapshot ${round}: p99 ms`,
      p99 < 100,
      `${quantile(delivery.latencies, 0.5).toFixed(1)}, p99 ${p99.toFixed(1)}`,
      "below 100"
    )
    report.check(
      `snapshot ${round}: growth over what was produced`,
      growth <= (round === 1 ? 1.3 : 0.05),
      growth.toFixed(2),
      round === 1 ? "at most 1.3" : "none"
    )
    await holder.query("commit")
    holder.close()
    await server.query("vacuum kafka.outbox")
  }
  wire.close()
}
