/**
 * A word count of Kafka Streams in both its group protocols: `npm run test:streams [-- --against tusk|memory|kafka]
 * [--only classic,streams,once,streams-once,migration,tools]`; Apache Kafka is the reference.
 *
 * `classic`, `streams`: counts have to come out right after a restart of the application with an empty state folder (they
 * come back from its changelog), with a second instance, after a kill -9 of the broker, and when the first instance goes;
 * no count is told twice. `once`, `streams-once`: exactlyOnce.ts in short. `migration`: the application goes on in the
 * other protocol, and back. `tools`: kafka-streams-groups prints what it prints on Apache Kafka (`--record --against kafka`
 * writes that down anew).
 * Ends with 1 where something failed.
 */
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import process from "node:process"
import { parseArgs } from "node:util"
import { tail } from "../../bench/kafka/Program.ts"
import { holdsWithin, Report } from "../../bench/groups/Report.ts"
import { againstOf, createTopics, startTarget, withWire } from "../../bench/groups/Target.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { startApplication } from "./Application.ts"
import type { Application, StreamsProtocol } from "./Application.ts"
import { killedFlow } from "./KilledFlow.ts"
import { quickMember, quickSettings } from "./Quick.ts"
import { streamsGroupTools } from "./streamsGroupTools.ts"
import { openWords } from "./Words.ts"
import type { Words } from "./Words.ts"

const PARTITIONS = 4
const LINES = 500
/** One for each partition of the input, and one for each of what is written by word. */
const TASKS = 2 * PARTITIONS
const PATIENCE_MS = 90_000

/** Records of repartition topics are deleted once they are read: more often than each half minute. */
const often = { "repartition.purge.interval.ms": "500" }

/** A short form of what a million records go through. */
const short = { records: 40_000, kills: 4, seed: 1, settings: {} }

const counting = (input: string, output: string) => ({ program: "WordCount", args: [input, output] }) as const

const wordCount = async (target: Target, protocol: StreamsProtocol, report: Report): Promise<void> => {
  const { bootstrap } = target
  const [input, output] = [`lines-${protocol}`, `counts-${protocol}`]
  await createTopics(
    bootstrap,
    new Map([
      [input, PARTITIONS],
      [output, PARTITIONS]
    ])
  )
  const id = `word-count-${protocol}`
  const apps: Array<Application> = []
  const start = async (port: number) => {
    const place = { "application.server": `127.0.0.1:${port}` }
    const settings = { ...quickMember[protocol], ...often, ...place }
    const app = await startApplication({ bootstrap, id, protocol, settings, ...counting(input, output) })
    apps.push(app)
    return app
  }
  const words = await openWords(bootstrap, input, output)
  const until = async (what: string, running: ReadonlyArray<Application>, holds: () => boolean) => {
    const from = performance.now()
    const held = await holdsWithin(PATIENCE_MS, () => {
      for (const app of running) app.check()
      return holds()
    })
    if (!held) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s; ${shown(running, words)}`)
    report.note(`${id}, ${what}`, `${((performance.now() - from) / 1000).toFixed(1)} s`)
  }
  const share = (running: ReadonlyArray<Application>) => () =>
    running.every((app) => app.active().length === TASKS / running.length && app.state() === "RUNNING") &&
    new Set(running.flatMap((app) => app.active())).size === TASKS

  try {
    await words.write(LINES)
    let first = await start(7001)
    await until("an instance has every task", [first], share([first]))
    await until("counts", [first], words.agree)

    await first.stop()
    await words.write(LINES)
    first = await start(7001)
    await until("counts after a restart without state", [first], words.agree)

    const second = await start(7002)
    const both = [first, second]
    await until("two instances share the tasks", both, share(both))
    const placed = [7001, 7002].map((port) => `${port}=${TASKS / 2}`).join()
    await until("each knows what is where", both, () => both.every((app) => app.hosts().join() === placed))
    await words.write(LINES)
    await until("counts of two instances", both, words.agree)

    if (target.against !== "memory") {
      const changes = both.map((app) => app.changes())
      // Apache Kafka is stopped and started: its group forgets members while it is away longer than their sessions
      if (target.against === "kafka") await target.restart()
      else {
        await target.kill()
        await target.start()
      }
      await words.write(LINES)
      await until("counts after a kill -9 of the broker", both, words.agree)
      const moved = both.some((app, i) => app.changes() !== changes[i])
      report.check(`${id}, tasks that moved when the broker was killed`, !moved, moved ? "some" : "none", "none")
    }

    await first.stop()
    await words.write(LINES)
    await until("counts of the instance that is left", [second], words.agree)
    await until("it has every task", [second], share([second]))
    const total = Array.from(words.counted.values()).reduce((sum, count) => sum + count, 0)
    report.check(
      `Kafka Streams word count, ${protocol}`,
      words.jumps() === 0 && total === words.total(),
      `${total} of ${words.total()} words counted, ${words.jumps()} counts told twice or left out`,
      "all, 0"
    )
  } catch (error) {
    for (const [i, app] of apps.entries()) console.log(`--- instance ${i + 1}\n${tail(app.log(), 40)}`)
    throw error
  } finally {
    await Promise.all(apps.map((app) => app.kill()))
    await words.stop()
  }
}

/** An application that is stopped goes on in the other protocol, and back: its group changes its kind, its offsets stay. */
const migration = async (target: Target, report: Report): Promise<void> => {
  const { bootstrap } = target
  const [input, output, id] = ["lines", "counts", "moving"]
  await createTopics(
    bootstrap,
    new Map([
      [input, PARTITIONS],
      [output, PARTITIONS]
    ])
  )
  const words = await openWords(bootstrap, input, output)
  const kinds: Array<string> = []
  try {
    for (const protocol of ["classic", "streams", "classic"] as const) {
      const settings = quickMember[protocol]
      const app = await startApplication({ bootstrap, id, protocol, settings, ...counting(input, output) })
      try {
        await words.write(LINES)
        const held = await holdsWithin(PATIENCE_MS, () => {
          app.check()
          return words.agree()
        })
        if (!held) throw new Error(`counts in protocol ${protocol}: ${shown([app], words)}`)
        kinds.push((await listed(bootstrap, id))?.groupType ?? "none")
        await app.stop()
      } finally {
        await app.kill()
      }
      const left = await holdsWithin(
        PATIENCE_MS,
        async () => (await listed(bootstrap, id))?.groupState === "Empty",
        200
      )
      if (!left) throw new Error("its group does not become empty")
    }
    const right = words.jumps() === 0 && kinds.join().toLowerCase() === "classic,streams,classic"
    report.check(
      "Kafka Streams from the classic protocol to streams and back",
      right,
      `${kinds.join(", ")}; ${words.jumps()} counts told twice or left out`,
      "classic, streams, classic; 0"
    )
  } finally {
    await words.stop()
  }
}

const listed = (bootstrap: string, id: string) =>
  withWire(bootstrap, async (wire) => (await wire.call(ListGroups, 5, {})).groups.find(({ groupId }) => groupId === id))

const shown = (running: ReadonlyArray<Application>, { counted, written }: Words): string => {
  const wrong = Array.from(written).filter(([word, count]) => counted.get(word) !== count)
  const some = wrong.slice(0, 3).map(([word, count]) => `${word} ${counted.get(word)} of ${count}`)
  const tasks = running.map((app) => `${app.state()} [${app.active().join()}]`)
  return `${wrong.length} counts differ (${some.join(", ")}); ${tasks.join("; ")}`
}

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    only: { type: "string", default: "classic,streams,once,streams-once,migration,tools" },
    record: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false }
  }
})
const against = againstOf(options.against)
if (options.record && against !== "kafka") throw new Error("--record: only what Apache Kafka prints is expected")
const report = new Report()
const checks = new Map<string, (target: Target) => Promise<void>>([
  ["classic", (target) => wordCount(target, "classic", report)],
  ["streams", (target) => wordCount(target, "streams", report)],
  ["once", (target) => killedFlow(target, { ...short, protocol: "classic" }, report)],
  ["streams-once", (target) => killedFlow(target, { ...short, protocol: "streams" }, report)],
  ["migration", (target) => migration(target, report)],
  ["tools", (target) => streamsGroupTools(target, report, options.record)]
])
for (const name of options.only.split(",")) {
  const check = checks.get(name)
  if (check === undefined) throw new Error(`--only ${name}: not ${Array.from(checks.keys()).join(", ")}`)
  const target = await startTarget(against, quickSettings)
  console.log(`${name}, ${target.name}`)
  try {
    await report.attempt(`Kafka Streams, ${name}`, () => check(target))
  } finally {
    if (options.verbose && target.tusk !== undefined) console.log(target.tusk.log())
    await target.stop()
  }
}
report.summary()
process.exit()
