/**
 * A member of a Kafka group that keeps what it makes of records in Postgres: it claims what it is assigned, and commits in
 * SQL. `member.ts BOOTSTRAP PORT DATABASE GROUP TOPIC [stops-at]`: with a number it stops itself (SIGSTOP) before its
 * so-manieth record, and tells what becomes of it when it goes on.
 */
import { Kafka, logLevel } from "kafkajs"
import process from "node:process"
import { applying, connected, inTransaction, isLost } from "./Applying.ts"
import type { Transfer } from "./Applying.ts"

const [bootstrap, port, database, group, topic, stopsAt] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string | undefined
]
const sql = await connected(Number(port), database)
const kafka = new Kafka({
  brokers: [bootstrap],
  logLevel: logLevel.NOTHING,
  retry: { retries: 1000, maxRetryTime: 500 }
})
const consumer = kafka.consumer({
  groupId: group,
  sessionTimeout: 6000,
  heartbeatInterval: 500,
  rebalanceTimeout: 6000
})
const claims = new Map<number, string>()
let count = 0
let turn: Promise<unknown> = Promise.resolve()

/** One thing after the other on the one session. */
const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
  const next = turn.then(work)
  turn = next.catch(() => {})
  return next
}

const claim = (partition: number) =>
  inTurn(async () => {
    const [row] = await sql.query(
      `select committed_offset, claim from kafka.claim('${group}', '${topic}', ${partition})`
    )
    claims.set(partition, row![1]!)
    consumer.seek({ topic, partition, offset: row![0] ?? "-2" })
  })

consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  claims.clear()
  for (const partition of payload.memberAssignment[topic] ?? []) void claim(partition)
})
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ message, partition }) => {
    const mine = claims.get(partition)
    // Read before it is claimed: it comes again after the seek.
    if (mine === undefined) return
    const stops = ++count === Number(stopsAt)
    if (stops) {
      console.log(`stops with claim ${mine} of partition ${partition}`)
      process.kill(process.pid, "SIGSTOP")
    }
    const transfer = JSON.parse(message.value!.toString()) as Transfer
    const work = async () => {
      await sql.query(applying(group, transfer))
      await sql.query(
        `select kafka.commit_offsets('${group}', '${topic}', ${partition}, ${message.offset} + 1, ${mine})`
      )
    }
    await inTurn(() => inTransaction(sql, work)).then(
      () => void (stops && console.log("committed")),
      (error: unknown) => {
        if (!isLost(error)) throw error
        claims.delete(partition)
        if (stops) console.log("lost")
      }
    )
  }
})
