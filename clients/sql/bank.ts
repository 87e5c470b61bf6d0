import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { fileURLToPath } from "node:url"
import process from "node:process"
import { performance } from "node:perf_hooks"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import type { Ending } from "../../bench/Ending.ts"
import { createTopic } from "../failover/Asking.ts"
import { DATABASE } from "../failover/Server.ts"
import { SqlError, SqlLost } from "../failover/Sql.ts"
import type { Sql } from "../failover/Sql.ts"
import { isLost, tablesOf } from "./Applying.ts"
import type { World } from "./World.ts"

const TOPIC = "transfers"
const PARTITIONS = 4
const ACCOUNTS = 100
/** Of workers in SQL, and of members of a Kafka group. */
const GROUPS = ["by_sql", "by_kafka"]
const TELLERS = 6

export interface BankOptions {
  readonly transfers: number
}

const pick = (below: number): number => Math.floor(Math.random() * below)

/** A program that is killed and comes again. */
class Applier {
  readonly #file: string
  readonly #args: ReadonlyArray<string>
  child: ChildProcess | undefined
  output = ""
  #over = false

  constructor(file: string, args: ReadonlyArray<string>) {
    this.#file = fileURLToPath(new URL(file, import.meta.url))
    this.#args = args
  }

  start(...more: ReadonlyArray<string>): void {
    if (this.#over) return
    const args = ["--disable-warning=TimeoutNegativeWarning", "--conditions=tusk-source", this.#file, ...this.#args]
    this.child = spawn(process.execPath, [...args, ...more], { stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output = (this.output + text).slice(-20_000)))
    }
    // One that ends by itself, as its session was ended, comes again.
    this.child.once("exit", (code) => {
      if (code !== null && code !== 0) setTimeout(() => this.start(), 300)
    })
  }

  kill(): void {
    this.child?.kill("SIGKILL")
  }

  end(): void {
    this.#over = true
    this.kill()
  }
}

const prepare = async ({ server }: World): Promise<void> => {
  const ledgers = GROUPS.map((group) => {
    const { applied, ledger } = tablesOf(group)
    return `create table ${applied} (transfer_id bigint not null);
      create table ${ledger} as select id, 1000::bigint as balance from generate_series(1, ${ACCOUNTS}) id;
      create unique index on ${ledger} (id)`
  })
  await server.query(`create table public.accounts as select id, 1000::bigint as balance from generate_series(1, ${ACCOUNTS}) id;
    create unique index on public.accounts (id);
    create table public.transfers (id bigint generated always as identity primary key, amount integer);
    ${ledgers.join(";")}`)
}

/** One transfer: rows, and the record that tells of it, in one transaction. */
const transfer = async (sql: Sql): Promise<void> => {
  const [from, to] = [1 + pick(ACCOUNTS), 1 + pick(ACCOUNTS - 1)]
  const other = to === from ? ACCOUNTS : to
  const amount = 1 + pick(50)
  await sql.query(`begin;
    update public.accounts set balance = balance + case id when ${from} then -(${amount}) else ${amount} end
      where id in (${from}, ${other});
    with made as (insert into public.transfers (amount) values (${amount}) returning id)
      select kafka.produce('${TOPIC}', key => id::text, value => jsonb_build_object(
        'id', id, 'from', ${from}, 'to', ${other}, 'amount', ${amount})) from made;
    ${pick(20) === 0 ? "rollback" : "commit"}`)
}

/** Makes transfers until there are enough; its session is ended now and then. */
const teller = async (world: World, isDone: () => boolean): Promise<void> => {
  let sql = await world.session()
  while (!isDone()) {
    try {
      await transfer(sql)
      await sleep(pick(8))
    } catch (error) {
      // Of two that take accounts in another order Postgres ends one.
      if (isLost(error)) await sql.query("rollback")
      else if (error instanceof SqlLost || (error instanceof SqlError && error.code === "57P01")) {
        sql.close()
        sql = await world.session()
      } else throw error
    }
  }
}

/** A member stops itself with a claim, another takes its partition: what it does then is not there. */
const stopPastTimeout = async ({ report, server }: World, members: ReadonlyArray<Applier>): Promise<void> => {
  const victim = members[0]!
  victim.kill()
  await sleep(500)
  victim.output = ""
  victim.start("40")
  const said = (text: RegExp) => text.exec(victim.output)
  const stopped = await holdsWithin(60_000, async () => said(/stops with claim/) !== null, 50)
  const [, claim, partition] = said(/stops with claim (\d+) of partition (\d+)/) ?? []
  const taken = await holdsWithin(40_000, async () => {
    const newest = `select max(claim) from kafka.claims where group_id = '${GROUPS[1]}' and partition = ${partition}`
    return stopped && (await server.query(newest))[0]![0] !== claim
  })
  report.check("bank: the partition of a member that stands still is claimed by another", taken, `${taken}`, "true")
  victim.child?.kill("SIGCONT")
  await holdsWithin(30_000, async () => said(/^(lost|committed)/m) !== null, 50)
  const outcome = said(/^(lost|committed)/m)?.[1] ?? "nothing"
  report.check("bank: what it commits then", outcome === "lost", outcome, "lost")
}

const judge = async ({ report, server }: World, count: number): Promise<void> => {
  for (const group of GROUPS) {
    const { applied, ledger } = tablesOf(group)
    const times = `select count(*), count(distinct transfer_id) from ${applied}`
    const [all, distinct] = (await server.query(times))[0]!.map(Number) as [number, number]
    report.check(`bank: transfers applied ${group}`, distinct === count, `${distinct} of ${count}`, "all")
    report.check(`bank: applied twice ${group}`, all === distinct, `${all - distinct}`, "0")
    const wrong = await server.number(
      `select count(*) from public.accounts a join ${ledger} l using (id) where a.balance <> l.balance`
    )
    report.check(`bank: accounts that differ ${group}`, wrong === 0, `${wrong}`, "0")
  }
}

/** Kills one of them at random, or ends the session of a teller, until there are enough transfers. */
const makeTrouble = async (
  { broker, server }: World,
  appliers: ReadonlyArray<Applier>,
  isDone: () => boolean
): Promise<number> => {
  let kills = 0
  while (!isDone()) {
    await sleep(400 + pick(1200))
    kills++
    const what = pick(6)
    if (what === 0) {
      await broker.kill()
      await sleep(pick(1000))
      await broker.start()
    } else if (what === 1) {
      await server.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'failover' and datname = '${DATABASE}' and pid <> pg_backend_pid() order by random() limit 1`)
    } else {
      const applier = appliers[pick(appliers.length)]!
      applier.kill()
      await sleep(pick(500))
      applier.start()
    }
  }
  return kills
}

/** Transfers, and two groups that apply them with claims, all killed at random: the sums match (bar 3). */
export const bank = async (world: World, ending: Ending, options: BankOptions): Promise<void> => {
  const { bootstrap, report, server } = world
  const began = performance.now()
  await createTopic(bootstrap, TOPIC, PARTITIONS)
  await prepare(world)
  const where = [`${server.port}`, DATABASE]
  const workers = [1, 2, 3].map(() => new Applier("worker.ts", [...where, GROUPS[0]!, TOPIC]))
  const members = [1, 2].map(() => new Applier("member.ts", [bootstrap, ...where, GROUPS[1]!, TOPIC]))
  const appliers = [...workers, ...members]
  ending.add(() => appliers.forEach((applier) => applier.end()))
  for (const applier of appliers) applier.start()
  let count = 0
  const isDone = () => count >= options.transfers
  const counting = (async () => {
    while (!isDone()) {
      count = await server.number("select count(*) from public.transfers")
      await sleep(100)
    }
  })()
  const tellers = Array.from({ length: TELLERS }, () => teller(world, isDone))
  const kills = await makeTrouble(world, appliers, isDone)
  await Promise.all([counting, ...tellers])
  // Some are left for the one that stands still.
  const one = await world.session()
  const stopping = stopPastTimeout(world, members)
  let over = false
  const trickling = (async () => {
    while (!over) {
      await transfer(one)
      await sleep(10)
    }
  })()
  await stopping
  over = true
  await trickling
  const made = await server.number("select count(*) from public.transfers")
  const areApplied = () =>
    Promise.all(GROUPS.map((group) => server.number(`select count(*) from ${tablesOf(group).applied}`)))
  await holdsWithin(90_000, async () => (await areApplied()).every((applied) => applied >= made), 200)
  const before = report.failures.length
  await judge(world, made)
  if (report.failures.length > before) for (const { output } of appliers) console.log(output.slice(-600))
  const seconds = (performance.now() - began) / 1000
  report.note("bank", `${made} transfers, ${kills} kills, ${seconds.toFixed(0)} s`)
}
