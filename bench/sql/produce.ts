/**
 * `kafka.produce` of 1 KiB in a transaction that updates a row, beside the same with a plain insert into an outbox table
 * of one index: 16 clients of pgbench, with the broker running and with the broker killed, Postgres as Tusk embeds it.
 * `node --conditions=tusk-source bench/sql/produce.ts [--rounds 5] [--seconds 5] [--protocol prepared] [--quick] [--json FILE]`
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { median, report } from "../Bars.ts"
import type { Bar } from "../Bars.ts"
import { runBench, settle } from "../Ending.ts"
import type { Ending } from "../Ending.ts"
import { sleep } from "../groups/Report.ts"
import { Wire } from "../groups/Wire.ts"
import { startTusk } from "../kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    /** pgbench's: simple, extended or prepared. */
    protocol: { type: "string", default: "simple" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})

const PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
const TOPIC = "orders"
const OWNER = "postgres"
const APP = "bench_app"
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const seconds = options.seconds ?? (options.quick ? "2" : "5")

const TABLES = `
  create table public.bench_rows (id integer primary key, n integer not null);
  insert into public.bench_rows select i, 0 from generate_series(1, 10000) i;
  create table public.bench_outbox (
    id bigint generated always as identity primary key, topic text not null, key bytea, value bytea);
  create role ${APP} login;
  grant all on public.bench_rows, public.bench_outbox to ${APP};
  select kafka.allow('${APP}', 'write', '${TOPIC}');
  analyze public.bench_rows`

const VALUE = "x".repeat(1024)
const transaction = (statement: string): string =>
  [
    "\\set id random(1, 10000)",
    "begin;",
    "update public.bench_rows set n = n + 1 where id = :id;",
    statement,
    "commit;"
  ].join("\n")

/** Each script with the role that runs it. The first one is what the others are held to. */
const sides: ReadonlyArray<readonly [name: string, role: string, script: string]> = [
  [
    "insert into an outbox table",
    OWNER,
    `insert into public.bench_outbox (topic, value) values ('${TOPIC}', '${VALUE}');`
  ],
  ["kafka.produce", OWNER, `select kafka.produce('${TOPIC}', value => '${VALUE}');`],
  ["kafka.produce by a key", OWNER, `select kafka.produce('${TOPIC}', value => '${VALUE}', key => 'customer-:id');`],
  ["kafka.produce of another role", APP, `select kafka.produce('${TOPIC}', value => '${VALUE}');`]
]

const measure = async (ending: Ending): Promise<void> => {
  if (!existsSync(PGBENCH)) return console.log(`skipped: no pgbench at ${PGBENCH}`)
  const broker = await ending.stopping(startTusk({ storage: "embedded" }))
  const wire = await Wire.connect(broker.bootstrap)
  await wire.call(CreateTopics, 5, {
    topics: [{ name: TOPIC, numPartitions: 6, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
  wire.close()
  const [, , , port, host] = readFileSync(join(broker.dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
  const target = resolveOptions({ host: host ?? "", port: Number(port), user: OWNER, database: "postgres" })
  const query = (sql: string) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(
          Effect.acquireRelease(connect(target, "bench"), (psql) => Effect.sync(() => psql.leave())),
          (psql) => psql.query(sql)
        )
      )
    )
  await query(TABLES)
  const folder = mkdtempSync(join(tmpdir(), "tusk-pgbench-"))
  ending.add(() => rmSync(folder, { recursive: true }))
  const files = sides.map(([, , statement], i) => {
    const file = join(folder, `${i}.sql`)
    writeFileSync(file, transaction(statement))
    return file
  })

  /** Seconds until the broker has taken all that waits. */
  const drained = async (): Promise<number> => {
    const from = performance.now()
    while ((await query("select 1 from kafka.outbox limit 1")).length > 0) await sleep(5)
    return (performance.now() - from) / 1000
  }

  const rate = async (side: number, forSeconds = seconds): Promise<number> => {
    const place = ["-h", host!, "-p", port!, "-U", sides[side]![1]]
    const load = ["-n", "-c", "16", "-j", "2", "-T", forSeconds, "-M", options.protocol, "-f", files[side]!]
    const { stdout } = await promisify(execFile)(PGBENCH, [...place, ...load, "postgres"])
    return Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
  }

  /** Of each side but the first its rate beside the first's, round by round; who goes first changes. */
  const compare = async (what: string, isStopped: boolean, least: number | undefined): Promise<ReadonlyArray<Bar>> => {
    for (let side = 0; side < sides.length; side++) await rate(side, "1")
    if (!isStopped) await drained()
    const rates: ReadonlyArray<Array<number>> = sides.map(() => [])
    for (let round = 0; round < rounds; round++) {
      const order = sides.map((_, i) => (round % 2 === 0 ? i : sides.length - 1 - i))
      for (const side of order) {
        // A broker that runs empties its table itself.
        await query(`truncate public.bench_outbox${isStopped ? ", kafka.outbox" : ""}; checkpoint`)
        await settle()
        const tps = await rate(side)
        // What is not drained by then counts as time.
        const behind = isStopped ? 0 : await drained()
        rates[side]!.push((tps * Number(seconds)) / (Number(seconds) + behind))
      }
      console.log(
        `${what}, round ${round + 1}: ${rates.map((each) => each.at(-1)!.toFixed(0)).join(", ")} transactions/s`
      )
    }
    return sides.flatMap(([name], side): ReadonlyArray<Bar> => {
      const value = median(rates[side]!)
      const rated = { bar: "1", what: `${what}: ${name}`, value, unit: "tx/s" }
      if (side === 0) return [rated]
      const ratio = median(rates[side]!.map((each, i) => each / rates[0]![i]!))
      const bar = { bar: "1", what: `${what}: ${name}, of insert's`, value: ratio, unit: "x" }
      return [rated, side === 1 && least !== undefined ? { ...bar, least } : bar]
    })
  }

  const running = await compare("broker running, and it drains all", false, 0.55)
  await broker.kill()
  const stopped = await compare("broker stopped", true, 0.75)
  await broker.start()
  report([...running, ...stopped], options.json)
}

await runBench(measure)
