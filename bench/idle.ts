/**
 * Bar 5: consumers that wait at the end of a topic, in fetch sessions: CPU of the broker, its Postgres included, in percent
 * of a core; and the queries they cause. Postgres logs every statement with the session that sent it (`log_statement`);
 * what the broker's sessions send while they wait, less what they send while nobody does (the lock's ping), is theirs.
 * `node --conditions=tusk-source bench/idle.ts [--consumers 1000] [--seconds 20] [--quick] [--json FILE]`
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { report } from "./Bars.ts"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { openEmbeddedSql } from "./groups/EmbeddedSql.ts"
import { sleep } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"
import { cpuSeconds, residentBytes } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"
import type { TuskBroker } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    consumers: { type: "string", default: "1000" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const count = Number(options.consumers)
const seconds = Number(options.seconds ?? (options.quick ? 8 : 20))
const TOPIC = "idle"
const PARTITIONS = 10
const OURS = "tusk/bench"

/** Has Postgres log each statement; tells where to. */
const logStatements = async (dataDir: string): Promise<string> => {
  const sql = await openEmbeddedSql(dataDir)
  await sql.rows("alter system set log_statement = 'all'")
  await sql.rows("alter system set log_line_prefix = 'session=%a|'")
  await sql.rows("select pg_reload_conf()")
  await sql.close()
  // Sessions read it before their next statement; the lock is pinged every second.
  await sleep(2000)
  return join(dataDir, "log", "postgres.log")
}

/** What the sessions of the broker sent, and how often, in this part of the log. */
const statementsIn = (log: string): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  for (const line of log.split("\n")) {
    const [, session, text] = /^session=([^|]*)\|LOG: {2}(?:statement|execute [^:]*): (.*)$/.exec(line) ?? []
    if (session === undefined || text === undefined || session === OURS) continue
    found.set(text, (found.get(text) ?? 0) + 1)
  }
  return found
}

interface Watched {
  /** Percent of a core. */
  readonly cpu: number
  readonly nodeCpu: number
  readonly statements: ReadonlyMap<string, number>
}

/** CPU, and what was asked of Postgres, while the given seconds pass. */
const watch = async (broker: TuskBroker, log: string): Promise<Watched> => {
  const used = () => [cpuSeconds(broker.pids()), cpuSeconds([broker.nodePid()])] as const
  const [from, before, at] = [statSync(log).size, used(), performance.now()]
  await sleep(seconds * 1000)
  const passed = (performance.now() - at) / 1000
  const after = used()
  return {
    cpu: ((after[0] - before[0]) / passed) * 100,
    nodeCpu: ((after[1] - before[1]) / passed) * 100,
    statements: statementsIn(readFileSync(log).subarray(from).toString())
  }
}

/** Statements that were sent more often than without consumers; one more is a second that began earlier. */
const beyond = (without: Watched, { statements }: Watched): ReadonlyArray<readonly [string, number]> =>
  [...statements]
    .map(([text, times]) => [text, times - (without.statements.get(text) ?? 0)] as const)
    .filter(([text, more]) => more > (without.statements.has(text) ? 1 : 0))

const measure = async (ending: Ending): Promise<void> => {
  const broker = await ending.stopping(startTusk({ storage: "embedded" }))
  const log = await logStatements(broker.dataDir)
  const admin = await Wire.connect(broker.bootstrap)
  const made = await admin.call(CreateTopics, 5, {
    topics: [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
  if (made.topics[0]?.errorCode !== 0) throw new Error(`topic: error ${made.topics[0]?.errorCode}`)

  let waitMs = 500
  let running = true
  let fetches = 0
  const consume = async (wire: Wire, partition: number) => {
    let session = { sessionId: 0, sessionEpoch: 0 }
    while (running) {
      const first = session.sessionEpoch === 0
      const partitions = [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }]
      const answer = await wire.call(Fetch, 12, {
        replicaId: -1,
        maxWaitMs: waitMs,
        minBytes: 1,
        maxBytes: 50 << 20,
        ...session,
        topics: first ? [{ topic: TOPIC, partitions }] : []
      })
      if (answer.errorCode !== 0) throw new Error(`fetch: error ${answer.errorCode}`)
      fetches++
      session = { sessionId: answer.sessionId, sessionEpoch: session.sessionEpoch + 1 }
    }
  }

  const alone = await watch(broker, log)
  const wires: Array<Wire> = []
  for (let i = 0; i < count; i++) wires.push(await Wire.connect(broker.bootstrap, `consumer-${i}`))
  const consuming = Promise.all(wires.map((wire, i) => consume(wire, i % PARTITIONS)))
  const during = async () => {
    const from = fetches
    const watched = await Promise.race([watch(broker, log), consuming.then(() => Promise.reject(new Error("ended")))])
    return { ...watched, fetches: (fetches - from) / seconds }
  }
  // The first fetches ask where the partitions end.
  await sleep(2000)
  const short = await during()
  waitMs = 5000
  await sleep(6000)
  const long = await during()
  const rss = residentBytes(broker.nodePid())
  running = false
  await consuming
  for (const wire of [...wires, admin]) wire.close()

  const caused = [...beyond(alone, short), ...beyond(alone, long)]
  const total = (watched: Watched) => [...watched.statements.values()].reduce((sum, times) => sum + times, 0) / seconds
  if (total(alone) === 0) throw new Error("Postgres has logged nothing, not even the lock's ping")
  for (const [text, times] of alone.statements) console.log(`without consumers: ${times} x ${text.slice(0, 100)}`)
  for (const [text, times] of caused) console.log(`caused: ${times} x ${text.slice(0, 100)}`)
  report(
    [
      { bar: "5", what: "no consumers: CPU", value: alone.cpu, unit: "% of core" },
      { bar: "5", what: `${count} consumers, max wait 500 ms: CPU`, value: short.cpu, unit: "% of core", most: 12 },
      { bar: "5", what: `${count} consumers, max wait 500 ms: CPU of Node`, value: short.nodeCpu, unit: "% of core" },
      { bar: "5", what: `${count} consumers, max wait 5 s: CPU`, value: long.cpu, unit: "% of core", most: 5 },
      { bar: "5", what: "fetches answered, max wait 500 ms", value: short.fetches, unit: "1/s" },
      { bar: "5", what: "fetches answered, max wait 5 s", value: long.fetches, unit: "1/s" },
      { bar: "5", what: "queries of the broker, no consumers", value: total(alone), unit: "1/s" },
      { bar: "5", what: "queries of the broker, max wait 500 ms", value: total(short), unit: "1/s" },
      { bar: "5", what: "queries of the broker, max wait 5 s", value: total(long), unit: "1/s" },
      {
        bar: "5",
        what: "queries that consumers cause",
        value: caused.reduce((sum, [, more]) => sum + more, 0),
        unit: "",
        most: 0
      },
      { bar: "5", what: "memory of Node", value: rss / 1048576, unit: "MiB" }
    ],
    options.json
  )
}

await runBench(measure)
