import { cpuSeconds, residentBytes } from "../kafka/ProcessTree.ts"
import { roundRobin } from "./Assign.ts"
import { ClassicMember } from "./ClassicMember.ts"
import { ConsumerMember } from "./ConsumerMember.ts"
import type { Member } from "./Member.ts"
import type { Report } from "./Report.ts"
import { holdsWithin, sleep } from "./Report.ts"
import type { Target } from "./Target.ts"
import { createTopics, setGroupConfigs } from "./Target.ts"

export interface MemberOptions {
  readonly protocol: "classic" | "consumer"
  readonly groups: number
  readonly members: number
  readonly heartbeatIntervalMs: number
  readonly seconds: number
}

/** Broker settings without which it takes fewer members. */
export const membersSettings = {
  "max.connections": "20000",
  "max.connections.per.ip": "20000",
  "group.consumer.min.heartbeat.interval.ms": "1000"
}

const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(0)} MiB`

const topic = "members"

const makeMembers = async (
  bootstrap: string,
  { groups, heartbeatIntervalMs, members: count, protocol }: MemberOptions
): Promise<ReadonlyArray<Member>> => {
  const partitions = count / groups
  const topicId = (await createTopics(bootstrap, new Map([[topic, partitions]]))).get(topic) ?? ""
  const names = Array.from({ length: groups }, (_, i) => `members-${i}`)
  if (protocol === "consumer") {
    await setGroupConfigs(bootstrap, names, { "consumer.heartbeat.interval.ms": `${heartbeatIntervalMs}` })
  }
  const times = { sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000, heartbeatIntervalMs }
  return Array.from({ length: count }, (_, i) => {
    const common = { bootstrap, groupId: names[i % groups]!, topic }
    return protocol === "classic"
      ? new ClassicMember({ ...common, ...times, partitions, assign: roundRobin })
      : new ConsumerMember({ ...common, topicId, rebalanceTimeoutMs: 60_000 })
  })
}

const total = (members: ReadonlyArray<Member>, figure: (member: Member) => number) =>
  members.reduce((sum, member) => sum + figure(member), 0)

const refused = ({ refusals }: Member): number => [...refusals.values()].reduce((a, b) => a + b, 0)

/** Many groups at once, a connection a member: until each has its assignment, then heartbeats for a while. */
export const members = async (target: Target, options: MemberOptions, report: Report): Promise<void> => {
  const { groups, heartbeatIntervalMs, members: count, protocol, seconds } = options
  const broker = target.tusk?.nodePid() ?? target.pids()[0] ?? 0
  const idle = residentBytes(broker)
  const all = await makeMembers(target.bootstrap, options)
  try {
    const began = performance.now()
    const cpuAtStart = cpuSeconds(target.pids())
    // As a fleet that is rolled out: a few hundred connections at a time.
    for (let i = 0; i < all.length; i += 200) {
      for (const member of all.slice(i, i + 200)) member.start()
      await sleep(10)
    }
    const settled = () => all.every((one) => one.isSettled && one.owned.length === 1)
    const joined = await holdsWithin(180_000, settled, 100)
    const joinSeconds = (performance.now() - began) / 1000
    const joinCpu = cpuSeconds(target.pids()) - cpuAtStart
    const missing = all.filter((one) => !one.isSettled).length
    report.check(
      `${groups} groups of ${count / groups} ${protocol} members form`,
      joined,
      `${joinSeconds.toFixed(1)} s, ${joinCpu.toFixed(1)} s CPU, ${missing} missing`,
      "180 s"
    )
    if (!joined) return

    await sleep(heartbeatIntervalMs)
    const beatsBefore = total(all, (member) => member.heartbeats)
    const refusedBefore = total(all, refused)
    const cpuBefore = cpuSeconds(target.pids())
    const from = performance.now()
    await sleep(seconds * 1000)
    const took = (performance.now() - from) / 1000
    const beats = (total(all, (member) => member.heartbeats) - beatsBefore) / took
    const refusals = total(all, refused) - refusedBefore
    const cores = (cpuSeconds(target.pids()) - cpuBefore) / took
    const wanted = (1000 * count) / heartbeatIntervalMs
    report.check(
      "heartbeats a second served",
      beats >= 0.8 * wanted,
      `${beats.toFixed(0)} with ${cores.toFixed(2)} cores over ${took.toFixed(0)} s`,
      `80 % of ${wanted.toFixed(0)}`
    )
    report.check("heartbeats refused", refusals === 0, `${refusals}`, "0")
    report.note("broker's memory, idle and with all members", `${mib(idle)}, ${mib(residentBytes(broker))}`)
  } finally {
    await Promise.all(all.map((member) => member.stop(false).catch(() => {})))
  }
}
