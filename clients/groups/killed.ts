import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { roundRobin } from "../../bench/groups/Assign.ts"
import { isCoordinatorAway } from "../../bench/groups/Codes.ts"
import { ClassicMember } from "../../bench/groups/ClassicMember.ts"
import { ConsumerMember } from "../../bench/groups/ConsumerMember.ts"
import type { Report } from "../../bench/groups/Report.ts"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import type { Member } from "../../bench/groups/Member.ts"
import { createTopics, setGroupConfigs, withWire } from "../../bench/groups/Target.ts"
import { Closed } from "../../bench/groups/Wire.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import type { GroupProtocol } from "./Verifiable.ts"

const GROUPS = 50
const MEMBERS = 4
const PARTITIONS = 8
const TOPIC = "killed"
const SESSION_TIMEOUT_MS = 10_000

/** Commits rising offsets for all a member owns, one request after the other, until it is told to stop. */
class Committing {
  readonly member: Member
  /** By partition: the highest that was answered without error, and the highest that was ever sent. */
  readonly acked = new Map<number, bigint>()
  readonly sent = new Map<number, bigint>()
  refused = 0
  #next = 1n
  #stopping = false

  constructor(member: Member) {
    this.member = member
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      const offset = this.#next++
      const offsets = new Map(this.member.owned.map((partition) => [partition, offset]))
      for (const partition of offsets.keys()) this.sent.set(partition, offset)
      try {
        const codes = await this.member.commit(offsets)
        if (codes.every((code) => code === 0)) for (const partition of offsets.keys()) this.acked.set(partition, offset)
        else this.refused++
        await sleep(20)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await sleep(100)
      }
    }
  }

  stop(): void {
    this.#stopping = true
  }
}

/** What a group's committed offsets are, by partition. */
const committed = async (bootstrap: string, groupId: string): Promise<ReadonlyMap<number, bigint>> =>
  withWire(bootstrap, async (wire) => {
    const { groups } = await wire.call(OffsetFetch, 9, { groups: [{ groupId, topics: null }] })
    const group = groups[0]
    if (group === undefined || group.errorCode !== 0) throw new Error(`${groupId}: OffsetFetch ${group?.errorCode}`)
    return new Map(
      group.topics.flatMap((topic) => topic.partitions.map((one) => [one.partitionIndex, one.committedOffset] as const))
    )
  })

const makeGroups = async (
  bootstrap: string,
  protocol: GroupProtocol
): Promise<ReadonlyArray<ReadonlyArray<Member>>> => {
  const topicId = (await createTopics(bootstrap, new Map([[TOPIC, PARTITIONS]]))).get(TOPIC) ?? ""
  const names = Array.from({ length: GROUPS }, (_, g) => `killed-${g}`)
  if (protocol === "consumer") {
    await setGroupConfigs(bootstrap, names, {
      "consumer.session.timeout.ms": `${SESSION_TIMEOUT_MS}`,
      "consumer.heartbeat.interval.ms": "500"
    })
  }
  const times = { sessionTimeoutMs: SESSION_TIMEOUT_MS, rebalanceTimeoutMs: 20_000, heartbeatIntervalMs: 500 }
  return names.map((groupId, g) =>
    Array.from({ length: MEMBERS }, (_, m) => {
      const instance = g % 5 === 0 ? { instanceId: `static-${m}` } : {}
      const common = { bootstrap, groupId, topic: TOPIC, ...instance }
      return protocol === "classic"
        ? new ClassicMember({ ...common, ...times, partitions: PARTITIONS, assign: roundRobin })
        : new ConsumerMember({ ...common, topicId, rebalanceTimeoutMs: 20_000 })
    })
  )
}

/**
 * The broker is killed while 50 groups consume, and started again. One member of one group does not come back: its group
 * alone may rebalance, and has to, once its session is over.
 */
export const killed = (protocol: GroupProtocol): Check => ({
  name: `killed-${protocol}`,
  settings: quickGroups,
  run: async (target, report) => {
    const title = `killed, ${protocol}`
    const groups = await makeGroups(target.bootstrap, protocol)
    const all = groups.flat()
    const lost = groups[1]![0]!
    const others = groups.filter((_, g) => g !== 1).flat()
    const committing = all.map((member) => new Committing(member))
    try {
      for (const member of all) member.start()
      const shared = () => all.every((one) => one.isSettled && one.owned.length === PARTITIONS / MEMBERS)
      if (!(await holdsWithin(60_000, shared))) throw new Error("the groups did not form within 60 s")
      const running = committing.map((one) => one.run())
      await sleep(3000)

      const before = new Map(all.map((member) => [member, stateOf(member)]))
      await target.kill()
      void lost.stop(false)
      await sleep(1000)
      const beats = new Map(others.map((member) => [member, member.heartbeats]))
      await target.start()
      const back = await holdsWithin(SESSION_TIMEOUT_MS, () =>
        others.every((one) => one.heartbeats > beats.get(one)! + 2)
      )
      report.check(
        `${title}: members go on with heartbeats`,
        back,
        `${others.filter((one) => one.heartbeats > beats.get(one)! + 2).length} of ${others.length}`,
        `all within ${SESSION_TIMEOUT_MS / 1000} s`
      )
      const rebalanced = () =>
        new Set(
          others.filter((one) => stateOf(one) !== before.get(one)).map((one) => Math.floor(all.indexOf(one) / MEMBERS))
        )
      const stayed = groups[1]!.slice(1)
      const expired = await holdsWithin(2 * SESSION_TIMEOUT_MS + 5000, () =>
        stayed.every((one) => one.isSettled && stateOf(one) !== before.get(one))
      )
      report.check(
        `${title}: groups that rebalanced`,
        rebalanced().size === 0,
        `${rebalanced().size} of ${GROUPS - 1} whose members came back`,
        "0"
      )
      report.check(
        `${title}: the group of a member that stayed away rebalances`,
        expired,
        expired ? "did" : `did not, ${2 * SESSION_TIMEOUT_MS + 5000} ms after`,
        `session timeout ${SESSION_TIMEOUT_MS} ms`
      )
      for (const one of committing) one.stop()
      await Promise.all(running)
      await checkOffsets(target.bootstrap, title, committing, report)
    } finally {
      for (const one of committing) one.stop()
      await Promise.all(all.map((member) => member.stop(false).catch(() => {})))
    }
  }
})

/** What a rebalance changes, and the refusals by which a member learns of one. */
const stateOf = ({ epoch, memberId, owned, refusals }: Member): string => {
  const refused = Array.from(refusals, ([code, count]) => (isCoordinatorAway(code) ? "" : `${code}: ${count}`))
  return `${epoch} ${memberId} ${owned.join(",")} ${refused.join(" ")}`.trimEnd()
}

/** Offsets as stored against what members know of their commits. */
const checkOffsets = async (
  bootstrap: string,
  title: string,
  committing: ReadonlyArray<Committing>,
  report: Report
): Promise<void> => {
  const wrong: Array<string> = []
  let acknowledged = 0
  for (let g = 0; g < GROUPS; g++) {
    const stored = await committed(bootstrap, `killed-${g}`)
    const mine = committing.slice(g * MEMBERS, (g + 1) * MEMBERS)
    for (let p = 0; p < PARTITIONS; p++) {
      const highest = (offsets: (one: Committing) => ReadonlyMap<number, bigint>) =>
        mine.map((one) => offsets(one).get(p) ?? 0n).reduce((a, b) => (a > b ? a : b))
      const acked = highest((one) => one.acked)
      if (acked > 0n) acknowledged++
      const offset = stored.get(p) ?? 0n
      // In the group that rebalanced, the next owner has a count of its own.
      const least = g === 1 ? 1n : acked
      if (offset < least || offset > highest((one) => one.sent)) wrong.push(`killed-${g}/${p}`)
    }
  }
  const refused = committing.reduce((sum, one) => sum + one.refused, 0)
  report.check(
    `${title}: acknowledged commits lost`,
    wrong.length === 0 && acknowledged === GROUPS * PARTITIONS,
    `${wrong.length} of ${acknowledged} offsets ${wrong.slice(0, 3).join(" ")}; ${refused} commits refused`,
    `0 of ${GROUPS * PARTITIONS}`
  )
}
