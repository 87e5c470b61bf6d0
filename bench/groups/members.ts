import { cpuSeconds, residentBytes } from "../kafka/ProcessTree.ts"
import { roundRobin } from "./Assign.ts"
import { ClassicMember } from "./ClassicMember.ts"
import type { Report } from "./Report.ts"
import { holdsWithin, sleep } from "./Report.ts"
import type { Target } from "./Target.ts"
import { createTopics } from "./Target.ts"

export interface MemberOptions {
  readonly groups: number
  readonly members: number
  readonly heartbeatIntervalMs: number
  readonly seconds: number
}

/** Broker settings without which it takes fewer members. */
export const membersSettings = { "max.connections": "20000", "max.connections.per.ip": "20000" }

const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(0)} MiB`

/** Many groups at once, a connection a member: until each has its assignment, then heartbeats for a while. */
export const members = async (target: Target, options: MemberOptions, report: Report): Promise<void> => {
  const { groups, heartbeatIntervalMs, members: count, seconds } = options
  const topic = "members"
  const perGroup = count / groups
  await createTopics(target.bootstrap, new Map([[topic, perGroup]]))
  const broker = target.tusk?.nodePid() ?? target.pids()[0] ?? 0
  const idle = residentBytes(broker)
  const all = Array.from(
    { length: count },
    (_, i) =>
      new ClassicMember({
        bootstrap: target.bootstrap,
        groupId: `members-${i % groups}`,
        topic,
        partitions: perGroup,
        assign: roundRobin,
        sessionTimeoutMs: 45_000,
        rebalanceTimeoutMs: 60_000,
        heartbeatIntervalMs
      })
  )
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
    const joins = all.reduce((sum, member) => sum + member.joins, 0)
    const missing = all.filter((one) => !one.isSettled).length
    report.check(
      `${groups} groups of ${perGroup} members form`,
      joined,
      `${joinSeconds.toFixed(1)} s, ${joins} JoinGroups, ${joinCpu.toFixed(1)} s CPU, ${missing} missing`,
      "180 s"
    )
    if (!joined) return

    await sleep(heartbeatIntervalMs)
    const beatsBefore = all.reduce((sum, member) => sum + member.heartbeats, 0)
    const joinsBefore = all.reduce((sum, member) => sum + member.joins, 0)
    const cpuBefore = cpuSeconds(target.pids())
    const from = performance.now()
    await sleep(seconds * 1000)
    const took = (performance.now() - from) / 1000
    const beats = (all.reduce((sum, member) => sum + member.heartbeats, 0) - beatsBefore) / took
    const rejoins = all.reduce((sum, member) => sum + member.joins, 0) - joinsBefore
    const cores = (cpuSeconds(target.pids()) - cpuBefore) / took
    const wanted = (1000 * count) / heartbeatIntervalMs
    report.check(
      "heartbeats a second served",
      beats >= 0.9 * wanted,
      `${beats.toFixed(0)} with ${cores.toFixed(2)} cores over ${took.toFixed(0)} s`,
      `${wanted.toFixed(0)} asked for`
    )
    report.check("members that had to join again", rejoins === 0, `${rejoins}`, "0")
    report.note("broker's memory, idle and with all members", `${mib(idle)}, ${mib(residentBytes(broker))}`)
  } finally {
    await Promise.all(all.map((member) => member.stop(false).catch(() => {})))
  }
}
