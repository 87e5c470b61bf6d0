import type { Report } from "../../bench/groups/Report.ts"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { createTopics, setGroupConfigs } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import { produce } from "./Records.ts"
import type { GroupProtocol, Verifiable } from "./Verifiable.ts"
import { accountOf, startVerifiable } from "./Verifiable.ts"

const PARTITIONS = 6
const SESSION_TIMEOUT_MS = 6000

/** Polls while no consumer may end by itself. */
export const untilAll = async (
  what: string,
  consumers: ReadonlyArray<Verifiable>,
  ms: number,
  holds: () => boolean
): Promise<void> => {
  const held = await holdsWithin(ms, () => {
    for (const one of consumers) one.check()
    return holds()
  })
  if (held) return
  const owned = consumers.map((one) => `[${one.owned().join(",")}]`).join(" ")
  const errors = consumers.flatMap(({ failures }) => failures).slice(0, 2)
  throw new Error(`${what} not within ${ms / 1000} s; owned ${owned} ${errors.join("; ")}`)
}

const spread = (consumers: ReadonlyArray<Verifiable>) => () =>
  consumers.every((one) => one.owned().length === PARTITIONS / consumers.length) &&
  new Set(consumers.flatMap((one) => one.owned())).size === PARTITIONS

const inProtocol = async (target: Target, protocol: GroupProtocol, report: Report): Promise<void> => {
  const { bootstrap } = target
  const topic = `verifiable-${protocol}`
  const group = `${topic}-group`
  await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))
  if (protocol === "consumer") {
    await setGroupConfigs(bootstrap, [group], {
      "consumer.session.timeout.ms": `${SESSION_TIMEOUT_MS}`,
      "consumer.heartbeat.interval.ms": "1000"
    })
  }
  await produce(bootstrap, topic, PARTITIONS, 1000)
  const options = { bootstrap, topic, group, protocol }
  const session = protocol === "classic" ? { sessionTimeoutMs: SESSION_TIMEOUT_MS } : {}
  const start = () => startVerifiable({ ...options, ...session })
  const all: Array<Verifiable> = []
  const join = async () => {
    const one = await start()
    all.push(one)
    return one
  }
  const consumed = () => all.flatMap((one) => one.consumed).reduce((sum, { from, to }) => sum + to - from + 1, 0)
  try {
    const first = await join()
    await untilAll("one member: all partitions and records", all, 60_000, () => spread([first])() && consumed() >= 6000)
    const second = await join()
    const third = await join()
    await untilAll("three members: even shares", all, 60_000, spread(all))
    await produce(bootstrap, topic, PARTITIONS, 1000, 1000)
    await untilAll("the next records", all, 30_000, () => consumed() >= 12_000)
    const each = all.map((one) => one.consumed.length)
    await sleep(500)
    await second.stop()
    await untilAll("two members: even shares", [first, third], 30_000, spread([first, third]))
    await third.kill()
    await produce(bootstrap, topic, PARTITIONS, 1000, 2000)
    await untilAll("the shares of a member that was killed", [first], 4 * SESSION_TIMEOUT_MS, spread([first]))
    await untilAll("the last records", [first], 30_000, () => consumed() >= 18_000)
    await sleep(500)
    const { lost, twice } = accountOf(all, PARTITIONS, 3000)
    const failures = all.flatMap((one) => one.failures)
    report.check(
      `VerifiableConsumer, ${protocol}`,
      lost === 0 && twice === 0 && failures.length === 0 && each.every((n) => n > 0),
      `${lost} lost, ${twice} twice of 18000; ${failures.length} commits failed ${failures[0] ?? ""}`,
      "0"
    )
  } finally {
    await Promise.all(all.map((one) => one.stop()))
  }
}

/** Apache Kafka's VerifiableConsumer: join, share, leave, be killed; each record once. */
export const verifiable = (protocol: GroupProtocol): Check => ({
  name: `verifiable-${protocol}`,
  settings: quickGroups,
  run: (target, report) => inProtocol(target, protocol, report)
})
