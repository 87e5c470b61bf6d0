import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopics, setGroupConfigs, withWire } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { produce } from "./Records.ts"
import type { VerifiableShare } from "./VerifiableShare.ts"
import { startVerifiableShare } from "./VerifiableShare.ts"

const PARTITIONS = 3
const COUNT = 1000
const LOCK_MS = 5000

/** Limits of the broker that let share groups have short times (KIP-932). */
export const quickShareGroups = {
  "group.share.min.heartbeat.interval.ms": "100",
  "group.share.min.session.timeout.ms": "1000",
  "group.share.min.record.lock.duration.ms": "1000"
}

/** Whether so many members have the group's epoch and an assignment each. */
const isShared = (bootstrap: string, groupId: string, members: number): Promise<boolean> =>
  withWire(bootstrap, async (wire) => {
    const { groups } = await wire.call(ShareGroupDescribe, 1, { groupIds: [groupId] })
    const group = groups[0]
    if (group === undefined || group.members.length !== members) return false
    return group.members.every(
      ({ assignment, memberEpoch }) => memberEpoch === group.groupEpoch && assignment.topicPartitions.length > 0
    )
  })

/**
 * Apache Kafka's VerifiableShareConsumer: three that acknowledge in different ways share the records of a queue; one is
 * killed, and what it held is given to others; the broker restarts, and nothing that was acknowledged comes again.
 */
export const share: Check = {
  name: "share",
  settings: quickShareGroups,
  run: async (target, report) => {
    const { bootstrap } = target
    const [topic, group] = ["share", "share-group"]
    await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))
    await setGroupConfigs(bootstrap, [group], {
      "share.auto.offset.reset": "earliest",
      "share.session.timeout.ms": "6000",
      "share.heartbeat.interval.ms": "1000",
      "share.record.lock.duration.ms": `${LOCK_MS}`
    })
    await produce(bootstrap, topic, PARTITIONS, COUNT)
    const ever: Array<VerifiableShare> = []
    const join = async (mode: "auto" | "sync" | "async") => {
      const one = await startVerifiableShare({ bootstrap, topic, group, mode })
      ever.push(one)
      return one
    }
    const until = async (what: string, ms: number, holds: () => boolean) => {
      const held = await holdsWithin(ms, () => {
        for (const one of ever) one.check()
        return holds()
      })
      if (held) return
      const failures = ever.flatMap((one) => one.failures).slice(0, 2)
      const figures = ever.map((one) => `${one.consumed.length}/${one.acknowledged.length}`).join(" ")
      throw new Error(`${what} not within ${ms / 1000} s; given/acknowledged ${figures} ${failures.join("; ")}`)
    }
    const acknowledged = () => ever.flatMap((one) => one.acknowledged)
    const distinct = () => new Set(acknowledged()).size
    try {
      await join("sync")
      await until("the first records", 60_000, () => distinct() === PARTITIONS * COUNT)
      const [second, third] = [await join("auto"), await join("async")]
      const joined = await holdsWithin(60_000, () => isShared(bootstrap, group, 3))
      if (!joined) throw new Error("three members have no assignment within 60 s")
      await sleep(1500)
      for (let i = 1; i <= 10; i++) {
        await produce(bootstrap, topic, PARTITIONS, COUNT / 10, COUNT + (i * COUNT) / 10)
        await sleep(200)
      }
      await until("records for three", 30_000, () => distinct() === 2 * PARTITIONS * COUNT)
      const twice = acknowledged().length - distinct()
      report.check("share: three consumers", twice === 0, `${twice} of ${distinct()} acknowledged twice`, "0")
      const shares = ever.map((one) => one.acknowledged.length)
      report.check(
        "share: each has a part",
        [second, third].every((one) => one.consumed.length > 0),
        shares.join(", "),
        "> 0"
      )

      await third.kill()
      await produce(bootstrap, topic, PARTITIONS, COUNT, 2 * COUNT)
      await until("what a killed consumer held", 4 * LOCK_MS + 10_000, () => distinct() === 3 * PARTITIONS * COUNT)
      report.check("share: a consumer killed", true, `${distinct()} acknowledged`, `${3 * PARTITIONS * COUNT}`)
      await Promise.all(ever.map((one) => one.stop()))

      const before = new Set(acknowledged())
      await target.restart()
      const last = await join("sync")
      await produce(bootstrap, topic, PARTITIONS, 10, 3 * COUNT)
      await until("records after a restart", 60_000, () => last.acknowledged.length >= PARTITIONS * 10)
      await sleep(LOCK_MS)
      const again = last.consumed.filter((at) => before.has(at)).length
      report.check(
        "share: after a restart",
        again === 0 && last.acknowledged.length === PARTITIONS * 10,
        `${again} acknowledged ones again, ${last.acknowledged.length} new`,
        `0, ${PARTITIONS * 10}`
      )
      const failures = ever.flatMap((one) => one.failures)
      report.check(
        "share: acknowledgements refused",
        failures.length === 0,
        `${failures.length} ${failures[0] ?? ""}`,
        "0"
      )
    } finally {
      await Promise.all(ever.map((one) => one.stop()))
    }
  }
}
