import { cooperativeSticky } from "../../bench/groups/Assign.ts"
import { ClassicMember } from "../../bench/groups/ClassicMember.ts"
import { ConsumerMember } from "../../bench/groups/ConsumerMember.ts"
import type { Member } from "../../bench/groups/Member.ts"
import { holdsWithin, quantile, sleep } from "../../bench/groups/Report.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { createTopics, setGroupConfigs, startTarget } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"

const PARTITIONS = 100
const HEARTBEAT_MS = 200
const BAR_MS = 1200
const PATIENCE_MS = 30_000

interface Seen {
  readonly what: string
  /** From the last join or leave until each partition had one owner, in even shares. */
  readonly ms: number
  /** Partitions taken from members that are there at the end. */
  readonly moved: number
}

type Make = () => Member

const isShared = (members: ReadonlyArray<Member>): boolean => {
  const owned = members.flatMap((one) => one.owned)
  const least = Math.floor(PARTITIONS / members.length)
  return (
    members.every((one) => one.isSettled && one.owned.length >= least && one.owned.length <= least + 1) &&
    owned.length === PARTITIONS &&
    new Set(owned).size === PARTITIONS
  )
}

/** Carries out a step and waits until the group is shared out again; `members` are those that are in it then. */
const settle = async (what: string, members: () => ReadonlyArray<Member>, step: () => Promise<void>): Promise<Seen> => {
  await step()
  const from = performance.now()
  const shared = await holdsWithin(PATIENCE_MS, () => isShared(members()), 5)
  if (!shared) {
    const sizes = members().map((one) => one.owned.length)
    throw new Error(`${what}: not shared out within ${PATIENCE_MS / 1000} s, shares ${sizes.slice(0, 12).join(",")}`)
  }
  const ms = Math.max(0, ...members().map((one) => one.changedAt - from))
  // Members that stayed may not lose anything afterwards, either.
  await sleep(3 * HEARTBEAT_MS)
  if (!isShared(members())) throw new Error(`${what}: shares changed after they were even`)
  return { what, ms, moved: 0 }
}

/** 100 members join at once; one leaves, one joins; then ten members, an eleventh, and one of these leaves. */
const steps = async (make: Make): Promise<ReadonlyArray<Seen>> => {
  const seen: Array<Seen> = []
  let members: Array<Member> = []
  const record = async (what: string, step: () => Promise<void>) => {
    const before = new Map(members.map((one) => [one, one.revoked]))
    const result = await settle(what, () => members, step)
    const moved = members.reduce((sum, one) => sum + one.revoked - (before.get(one) ?? 0), 0)
    seen.push({ ...result, moved })
  }
  const join = async (count: number) => {
    const started = Array.from({ length: count }, make)
    members = [...members, ...started]
    for (const member of started) member.start()
  }
  const leave = async (count: number) => {
    const gone = members.slice(0, count)
    members = members.slice(count)
    await Promise.all(gone.map((member) => member.stop()))
  }
  try {
    await record("100 join at once", () => join(100))
    await record("1 of 100 leaves", () => leave(1))
    await record("1 joins 99", () => join(1))
    await record("90 of 100 leave", () => leave(90))
    await record("1 joins 10", () => join(1))
    await record("1 of 11 leaves", () => leave(1))
    await record("5 join 10", () => join(5))
  } finally {
    await Promise.all(members.map((member) => member.stop(false).catch(() => {})))
  }
  return seen
}

/** The same crowd in a group of its own, which it leaves again: milliseconds until it was shared out. */
const crowd = async (make: Make): Promise<number> => {
  const members = Array.from({ length: 100 }, make)
  try {
    const join = async () => members.forEach((member) => member.start())
    return (await settle("100 join at once", () => members, join)).ms
  } finally {
    await Promise.all(members.map((member) => member.stop()))
  }
}

/** A crowd of model members on 100 partitions; moved partitions counted beside Apache Kafka's in the same steps. */
export const rebalance = (protocol: "cooperative" | "consumer"): Check => ({
  name: `rebalance-${protocol}`,
  settings: quickGroups,
  run: async (target, report) => {
    const measure = async ({ bootstrap }: Target): Promise<ReadonlyArray<Seen>> => {
      const topic = `rebalance-${protocol}`
      const groupId = `${topic}-group`
      const topicId = (await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))).get(topic) ?? ""
      const others = [1, 2, 3].map((n) => `crowd-${n}-${protocol}`)
      if (protocol === "consumer") {
        await setGroupConfigs(bootstrap, [...others, groupId], { "consumer.heartbeat.interval.ms": `${HEARTBEAT_MS}` })
      }
      const times = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 20_000, heartbeatIntervalMs: HEARTBEAT_MS }
      const classic = { bootstrap, topic, partitions: PARTITIONS, assign: cooperativeSticky, ...times }
      const consumer = { bootstrap, topic, topicId, rebalanceTimeoutMs: 20_000 }
      const inGroup = (name: string) => () =>
        protocol === "consumer"
          ? new ConsumerMember({ ...consumer, groupId: name })
          : new ClassicMember({ ...classic, groupId: name })
      const bursts: Array<number> = []
      for (const other of others) bursts.push(await crowd(inGroup(other)))
      const [burst, ...rest] = await steps(inGroup(groupId))
      if (burst === undefined) throw new Error("nothing was measured")
      // What is measured is a broker that has done it before, and not what else the machine does in one of these seconds.
      return [{ ...burst, ms: quantile([...bursts.slice(1), burst.ms], 0.5) }, ...rest]
    }
    const mine = await measure(target)
    const peer = target.against === "kafka" ? undefined : await startTarget("kafka", quickGroups)
    const theirs = peer === undefined ? mine : await measure(peer).finally(() => peer.stop())
    for (const [i, { moved, ms, what }] of mine.entries()) {
      const kafka = theirs[i]!
      const time = `${ms.toFixed(0)} ms, Apache Kafka ${kafka.ms.toFixed(0)} ms`
      // The bar is Tusk's: a Java machine that has just started may take longer.
      if (peer === undefined) report.note(`${protocol}: ${what}, time`, time)
      else report.check(`${protocol}: ${what}, time`, ms <= BAR_MS, time, `${BAR_MS} ms`)
      const figure = `${moved} partitions, Apache Kafka ${kafka.moved}`
      // Of those that join at once some are given what later ones get: how many were in time is chance.
      if (what.endsWith("at once")) report.note(`${protocol}: ${what}, moved`, figure)
      else report.check(`${protocol}: ${what}, moved`, moved <= kafka.moved, figure, "no more than Apache Kafka")
    }
  }
})
