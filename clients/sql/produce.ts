import { performance } from "node:perf_hooks"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopic } from "../failover/Asking.ts"
import type { Sql } from "../failover/Sql.ts"
import { readPartition } from "./Log.ts"
import type { World } from "./World.ts"

const TOPIC = "produced"
const PARTITIONS = 4

export interface ProduceOptions {
  readonly sessions: number
  readonly seconds: number
  readonly kills: number
  /** How long one session keeps a transaction open. */
  readonly openSeconds: number
}

/** What one session did: values in the order of its calls, and which of them are committed. */
interface Calls {
  readonly name: string
  readonly order: Map<string, number>
  readonly committed: Set<string>
  readonly rolledBack: Set<string>
}

const pick = (below: number): number => Math.floor(Math.random() * below)

/** Transactions of a few calls: committed, rolled back, in part or whole, or prepared and committed by another session. */
class Session {
  readonly calls: Calls
  readonly #sql: Sql
  readonly #other: Sql
  readonly #canPrepare: boolean

  constructor(name: string, sql: Sql, other: Sql, canPrepare: boolean) {
    this.calls = { name, order: new Map(), committed: new Set(), rolledBack: new Set() }
    this.#sql = sql
    this.#other = other
    this.#canPrepare = canPrepare
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      await this.transaction(pick(5) * 3)
      await sleep(pick(20))
    }
  }

  /** `pauseMs`: before its end. */
  async transaction(pauseMs: number): Promise<void> {
    const { committed, rolledBack } = this.calls
    await this.#sql.query("begin")
    const kept = await this.#produce(1 + pick(4))
    if (pick(4) === 0) {
      await this.#sql.query("savepoint s")
      const gone = await this.#produce(1 + pick(2))
      await this.#sql.query("rollback to savepoint s")
      for (const value of gone) rolledBack.add(value)
      kept.push(...(await this.#produce(1)))
    }
    await sleep(pauseMs)
    const how = pick(10)
    if (how < 2) {
      await this.#sql.query("rollback")
      for (const value of kept) rolledBack.add(value)
      return
    }
    if (how === 2 && this.#canPrepare) {
      const id = `${this.calls.name}-${this.calls.order.size}`
      await this.#sql.query(`prepare transaction '${id}'`)
      await this.#other.query(`commit prepared '${id}'`)
    } else {
      await this.#sql.query("commit")
    }
    for (const value of kept) committed.add(value)
  }

  async #produce(count: number): Promise<Array<string>> {
    const { name, order } = this.calls
    const values: Array<string> = []
    for (let i = 0; i < count; i++) {
      const value = `${name}:${order.size}`
      order.set(value, order.size)
      // A key a session: its calls lie in one partition, in their order.
      await this.#sql.query(`select kafka.produce('${TOPIC}', value => '${value}', key => '${name}')`)
      values.push(value)
    }
    return values
  }
}

const judge = async ({ bootstrap, report }: World, all: ReadonlyArray<Calls>): Promise<number> => {
  const seen = new Map<string, number>()
  const last = new Map<string, number>()
  const disordered: Array<string> = []
  const strange: Array<string> = []
  const byName = new Map(all.map((calls) => [calls.name, calls]))
  let gaps = 0
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { gaps: found, records } = await readPartition(bootstrap, TOPIC, partition)
    gaps += found
    for (const { value } of records) {
      seen.set(value, (seen.get(value) ?? 0) + 1)
      const [name = ""] = value.split(":")
      const at = byName.get(name)?.order.get(value)
      if (at === undefined) strange.push(value)
      else if (at < (last.get(name) ?? -1)) disordered.push(value)
      else last.set(name, at)
    }
  }
  const committed = all.flatMap((calls) => Array.from(calls.committed))
  report.none(
    "produce: committed and not there",
    committed.filter((value) => !seen.has(value))
  )
  report.none(
    "produce: there more than once",
    Array.from(seen).flatMap(([value, times]) => (times > 1 ? [value] : []))
  )
  report.none(
    "produce: rolled back and there",
    all.flatMap((calls) => Array.from(calls.rolledBack).filter((value) => seen.has(value)))
  )
  report.none("produce: out of a session's order", disordered)
  report.none("produce: nobody produced it", strange)
  report.check("produce: offsets at which nothing lies", gaps === 0, `${gaps}`, "0")
  return committed.length
}

/** Many sessions produce while the broker is killed: each committed record is there once, in its session's order (bar 2). */
export const produceThroughKills = async (world: World, options: ProduceOptions): Promise<void> => {
  const { bootstrap, broker, report, server, session } = world
  await createTopic(bootstrap, TOPIC, PARTITIONS)
  const canPrepare = (await server.number("select current_setting('max_prepared_transactions')::int")) > 0
  const sessions = await Promise.all(
    Array.from(
      { length: options.sessions },
      async (_, i) => new Session(`s${i}`, await session(), await session(), canPrepare)
    )
  )
  const began = performance.now()
  const untilMs = began + options.seconds * 1000
  const slow = new Session("slow", await session(), await session(), canPrepare)
  const open = slow.transaction(options.openSeconds * 1000)
  const running = Promise.all(sessions.map((one) => one.run(untilMs)))
  for (let kill = 0; kill < options.kills; kill++) {
    await sleep((options.seconds * 1000) / (options.kills + 1))
    await broker.kill()
    await sleep(pick(1500))
    await broker.start()
  }
  await Promise.all([running, open])
  const isEmpty = await holdsWithin(
    60_000,
    async () => (await server.number("select count(*) from kafka.outbox")) === 0,
    50
  )
  report.check("produce: the outbox is empty in the end", isEmpty, isEmpty ? "empty" : "not empty", "empty")
  const count = await judge(
    world,
    [...sessions, slow].map(({ calls }) => calls)
  )
  const seconds = (performance.now() - began) / 1000
  report.note(
    "produce",
    `${count} records of ${options.sessions} sessions, ${options.kills} kills, ${seconds.toFixed(0)} s`
  )
}
