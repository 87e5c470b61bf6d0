/** Five failovers and a switchover under Patroni, with etcd and HAProxy: `npm run test:failover -- --patroni`. */
import type { Ending } from "../../bench/Ending.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { Broker } from "./Broker.ts"
import { judge, seconds } from "./Judging.ts"
import { Load } from "./Load.ts"
import { PatroniCluster, patroniPrograms } from "./PatroniCluster.ts"
import type { Report } from "./Report.ts"
import { DATABASE, urlOf } from "./Server.ts"
import type { Ports } from "./World.ts"
import { until } from "./World.ts"

const FAILOVERS = 5
/** What Tusk may take beside Patroni and HAProxy. */
const BESIDE_MS = 3000
/** How long the load goes on once the database takes writes again. */
const AFTER_MS = 5000

export const patroni = async (
  ending: Ending,
  report: Report,
  ports: Ports,
  python: string | undefined,
  failovers = FAILOVERS
): Promise<void> => {
  const programs = patroniPrograms()
  if (typeof programs === "string") return report.skip("patroni", programs)
  const cluster = await ending.stopping(PatroniCluster.make(programs, ports))
  await cluster.start()
  await cluster.query(`create database ${DATABASE}`, "postgres")
  const broker = new Broker({ port: await ports.next(), databaseUrl: urlOf(cluster.port) })
  ending.add(() => broker.stop(3000))
  await broker.start()
  const load = await Load.start({ bootstrap: `127.0.0.1:${broker.port}`, python, rdkafkaProducers: 3 })
  ending.add(() => load.abandon())
  await load.flows(40_000)
  await sleep(2000)

  let longest = 0
  /** Until another leads and HAProxy leads there; how long the database took no writes, and the load's pause with it. */
  const measured = async (what: string, old: string, from: number, changes: () => Promise<void>): Promise<void> => {
    await changes()
    await until("another node leads", 90_000, async () => {
      const leader = await cluster.leader()
      return leader !== undefined && leader !== old && (await cluster.writes())
    })
    const away = Date.now() - from
    longest = Math.max(longest, away)
    await sleep(AFTER_MS)
    const pause = load.history.longestPause(from, Date.now())
    const figure = `${seconds(pause.ms)}, ${pause.client}; ${load.history.acks.size} acknowledged so far`
    const bar = `at most ${seconds(away + BESIDE_MS)}: the database was away ${seconds(away)}`
    report.check(`patroni: ${what}, longest pause`, pause.ms <= away + BESIDE_MS, figure, bar)
  }
  const from = Date.now()
  for (let n = 1; n <= failovers; n++) {
    const leader = (await cluster.leader())!
    await measured(`failover ${n} of ${leader}`, leader, Date.now(), () => cluster.killNode(leader))
    cluster.startNode(leader)
    await cluster.whole()
    await sleep(2000)
  }
  const leader = (await cluster.leader())!
  await measured(`switchover from ${leader}`, leader, Date.now(), () => cluster.switchover(leader))
  await judge(report, "patroni", load, {
    pause: { from, most: longest + BESIDE_MS, bar: "the longest absence of the database + 3 s" }
  })
  for (const { at, level, text } of broker.lines.slice(-40))
    console.log(`  | ${new Date(at).toISOString().slice(11, 23)} ${level} ${text.slice(0, 200)}`)
}
