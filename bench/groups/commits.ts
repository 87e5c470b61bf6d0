import { monitorEventLoopDelay } from "node:perf_hooks"
import { cpuSeconds } from "../kafka/ProcessTree.ts"
import { roundRobin } from "./Assign.ts"
import { ClassicMember } from "./ClassicMember.ts"
import { openEmbeddedSql } from "./EmbeddedSql.ts"
import type { Sql } from "./EmbeddedSql.ts"
import type { Report } from "./Report.ts"
import { holdsWithin, quantile, sleep } from "./Report.ts"
import type { Target } from "./Target.ts"
import { createTopics } from "./Target.ts"

export interface CommitOptions {
  readonly groups: number
  /** Commits a second over all groups. */
  readonly rate: number
  readonly seconds: number
}

interface TableState {
  readonly transactions: number
  readonly live: number
  readonly dead: number
  readonly bytes: number
  readonly hotUpdates: number
  readonly updates: number
}

/** Of the table of offsets; a session's counts reach Postgres' statistics up to a second late. */
const tableState = async (sql: Sql): Promise<TableState> => {
  const [row] = await sql.rows(`select pg_stat_clear_snapshot(),
    (select xact_commit from pg_stat_database where datname = current_database()),
    s.n_live_tup, s.n_dead_tup, pg_total_relation_size(s.relid), s.n_tup_hot_upd, s.n_tup_upd
    from pg_stat_user_tables s where s.schemaname = 'kafka' and s.relname = 'offsets'`)
  const [, transactions = 0, live = 0, dead = 0, bytes = 0, hotUpdates = 0, updates = 0] = (row ?? []).map(Number)
  return { transactions, live, dead, bytes, hotUpdates, updates }
}

/** Commits of one group, each after the one before was answered, as often as its part of the rate asks for. */
class Committer {
  readonly member: ClassicMember
  sent = 0
  acked = 0n
  readonly latencies: Array<number> = []
  /** The slowest, and when it was due. */
  worst = { ms: 0, due: 0 }
  readonly codes = new Map<number, number>()
  constructor(member: ClassicMember) {
    this.member = member
  }

  async run(everyMs: number, startAt: number, until: number): Promise<void> {
    for (let due = startAt; due < until; due += everyMs) {
      await sleep(Math.max(0, due - performance.now()))
      const offset = BigInt(++this.sent)
      const codes = await this.member.commit(new Map([[0, offset]]))
      // From when it was due: what a stall delays counts as slow, too.
      const ms = performance.now() - due
      this.latencies.push(ms)
      if (ms > this.worst.ms) this.worst = { ms, due }
      for (const code of codes) this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
      if (codes.every((code) => code === 0)) this.acked = offset
    }
  }
}

/**
 * Groups of one member each commit at a steady rate, all over the time; then what Postgres says of transactions and of the
 * table of offsets, whose size has to stand still after the first quarter.
 */
export const commits = async (target: Target, options: CommitOptions, report: Report): Promise<void> => {
  const { groups, rate, seconds } = options
  const topic = "commits"
  await createTopics(target.bootstrap, new Map([[topic, 1]]))
  const committers = Array.from({ length: groups }, (_, i) => {
    const member = new ClassicMember({
      bootstrap: target.bootstrap,
      groupId: `commits-${i}`,
      topic,
      partitions: 1,
      assign: roundRobin,
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      heartbeatIntervalMs: 3000
    })
    member.start()
    return new Committer(member)
  })
  const joined = await holdsWithin(120_000, () => committers.every(({ member }) => member.isSettled))
  if (!joined) throw new Error(`${committers.filter(({ member }) => !member.isSettled).length} groups did not form`)
  const sql =
    target.tusk === undefined || target.against !== "tusk" ? undefined : await openEmbeddedSql(target.tusk.dataDir)
  const states: Array<TableState> = []
  try {
    const everyMs = (1000 * groups) / rate
    const cpuBefore = cpuSeconds(target.pids())
    const delay = monitorEventLoopDelay()
    delay.enable()
    if (sql !== undefined) states.push(await tableState(sql))
    const began = performance.now() + 200
    const until = began + seconds * 1000
    const running = committers.map((one, i) => one.run(everyMs, began + (everyMs * i) / groups, until))
    for (let quarter = 1; quarter <= 4; quarter++) {
      await sleep(began + (quarter * seconds * 1000) / 4 - performance.now())
      if (sql !== undefined) states.push(await tableState(sql))
    }
    await Promise.all(running)
    const took = (performance.now() - began) / 1000
    const cpu = cpuSeconds(target.pids()) - cpuBefore
    const total = committers.reduce((sum, { sent }) => sum + sent, 0)
    const refused = committers.reduce((sum, { codes, sent }) => sum + sent - (codes.get(0) ?? 0), 0)
    const latencies = committers.flatMap((one) => one.latencies)
    const perSecond = total / took
    report.check(
      "offset commits a second",
      perSecond >= 0.98 * rate,
      `${perSecond.toFixed(0)}/s of ${groups} groups over ${took.toFixed(0)} s`,
      `${rate}/s`
    )
    report.check("offset commits refused", refused === 0, `${refused} of ${total}`, "0")
    const shown = [0.5, 0.99, 0.999].map((part) => quantile(latencies, part).toFixed(1)).join(", ")
    const worst = committers.map((one) => one.worst).reduce((a, b) => (a.ms > b.ms ? a : b))
    const slowest = `the slowest ${worst.ms.toFixed(0)} ms, due after ${((worst.due - began) / 1000).toFixed(1)} s`
    const own = `this process stood still for ${(delay.max / 1e6).toFixed(0)} ms`
    report.note("offset commit latency p50, p99, p99.9 ms", `${shown}; ${slowest}; ${own}`)
    report.note("offset commits, broker and database CPU cores", (cpu / took).toFixed(2))
    if (sql !== undefined) reportTable(states, total, took, groups, report)
  } finally {
    await sql?.close()
    await Promise.all(committers.map(({ member }) => member.stop()))
  }
}

const reportTable = (
  states: ReadonlyArray<TableState>,
  total: number,
  took: number,
  rows: number,
  report: Report
): void => {
  const [first, quarter] = states
  const last = states.at(-1)
  if (first === undefined || quarter === undefined || last === undefined) throw new Error("no state of the table")
  const transactions = last.transactions - first.transactions
  // One commit is in flight, and a fast disk is done with it in less than a millisecond: fewer wait for the next one.
  report.check(
    "offset commits in one transaction",
    total / transactions >= 3,
    `${(total / transactions).toFixed(1)} on average, ${(transactions / took).toFixed(0)} transactions/s`,
    "3 at least"
  )
  report.check(
    "table of offsets does not grow",
    last.bytes <= quarter.bytes * 1.1 && last.bytes <= rows * 4096,
    `${states.map(({ bytes }) => `${(bytes / 1024).toFixed(0)} KiB`).join(", ")} by quarters`,
    `+10 % after the first, ${(rows * 4).toFixed(0)} KiB`
  )
  const most = Math.max(...states.map(({ dead }) => dead))
  report.check(
    "dead rows of the table of offsets",
    most <= 20 * rows,
    `${states.map(({ dead }) => dead).join(", ")}; ${last.live} live, ${((100 * (last.hotUpdates - first.hotUpdates)) / Math.max(1, last.updates - first.updates)).toFixed(0)} % of updates in the page`,
    `${20 * rows} at most`
  )
}
