import { median } from "../../bench/Bars.ts"
import { settle } from "../../bench/Ending.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { createTopic } from "../failover/Asking.ts"
import { pgbench } from "./Pgbench.ts"
import type { World } from "./World.ts"

export interface RateOptions {
  readonly rounds: number
  readonly seconds: number
}

/** What is published of pgbench's tables, each with its key; the first is what the bar is about. */
const SIDES = [
  ["accounts", [["accounts", "aid", "json"]]],
  [
    "accounts and history",
    [
      ["accounts", "aid", "json"],
      ["history", "aid", "json"]
    ]
  ],
  [
    "all four tables",
    [
      ["accounts", "aid", "json"],
      ["history", "aid", "json"],
      ["tellers", "tid", "json"],
      ["branches", "bid", "json"]
    ]
  ],
  ["accounts in Debezium's envelope", [["accounts", "aid", "debezium"]]]
] as const

/** pgbench with its tables published and without, in turn, while the broker takes all that comes (bar 2). */
export const writersRate = async (
  { bootstrap, report, server, session }: World,
  options: RateOptions
): Promise<void> => {
  await pgbench(server.port, ["-i", "-q", "-s", "20"])
  const sql = await session()
  const run = () => pgbench(server.port, ["-n", "-c", "4", "-j", "2", "-T", String(options.seconds)])
  for (const [what, tables] of SIDES) {
    const isBar = what === SIDES[0][0]
    const ratios: Array<number> = []
    for (const [name] of tables) await createTopic(bootstrap, name, 4).catch(() => undefined)
    const publish = async () => {
      for (const [name, key, format] of tables) {
        await sql.query(
          `select kafka.publish_table('public.pgbench_${name}', '${name}', '${key}', '${format}', snapshot => false)`
        )
      }
    }
    const unpublish = async () => {
      for (const [name] of tables) await sql.query(`select kafka.unpublish_table('public.pgbench_${name}')`)
      await holdsWithin(120_000, async () => (await server.number("select count(*) from kafka.outbox")) === 0, 50)
      await sql.query("checkpoint")
      await settle()
    }
    for (let round = 0; round < (isBar ? options.rounds : Math.ceil(options.rounds / 3)); round++) {
      const plain = async () => {
        await unpublish()
        return run()
      }
      const published = async () => {
        await unpublish()
        await publish()
        const tps = await run()
        await unpublish()
        return tps
      }
      const [first, second] = round % 2 === 0 ? [plain, published] : [published, plain]
      const rates = [await first(), await second()]
      const [without, withIt] = round % 2 === 0 ? rates : rates.toReversed()
      ratios.push(withIt! / without!)
      console.log(`${what}, round ${round + 1}: ${without!.toFixed(0)} and ${withIt!.toFixed(0)} transactions/s`)
    }
    const ratio = median(ratios)
    if (isBar) report.check(`rate: ${what}`, ratio >= 0.6, `${ratio.toFixed(2)}x`, "at least 0.6x")
    else report.note(`rate: ${what}`, `${ratio.toFixed(2)}x of without`)
  }
  sql.close()
}
