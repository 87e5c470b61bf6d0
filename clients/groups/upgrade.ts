import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopics, setGroupConfigs, withWire } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import { startProducing } from "./Records.ts"
import type { GroupProtocol, Verifiable } from "./Verifiable.ts"
import { accountOf, startVerifiable } from "./Verifiable.ts"
import { untilAll } from "./verifiableConsumer.ts"

const PARTITIONS = 6
const MEMBERS = 3

const typeOf = (bootstrap: string, group: string): Promise<string> =>
  withWire(bootstrap, async (wire) => {
    const { groups } = await wire.call(ListGroups, 5, {})
    return groups.find(({ groupId }) => groupId === group)?.groupType.toLowerCase() ?? "none"
  })

/**
 * The members of a group are replaced one after the other, from the classic protocol to the consumer protocol and back
 * (KIP-848), while records are appended all the time: none is lost, none comes twice.
 */
export const upgrade: Check = {
  name: "upgrade",
  settings: { ...quickGroups, "group.consumer.migration.policy": "bidirectional" },
  run: async (target, report) => {
    const { bootstrap } = target
    const [topic, group] = ["upgrade", "upgrade-group"]
    await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))
    await setGroupConfigs(bootstrap, [group], { "consumer.heartbeat.interval.ms": "500" })
    const producing = await startProducing(bootstrap, topic)
    let sent = 0
    let isOver = false
    const appending = (async () => {
      while (!isOver) {
        await producing.send(PARTITIONS, 10, sent)
        sent += 10
        await sleep(100)
      }
    })()
    const members: Array<Verifiable> = []
    const ever: Array<Verifiable> = []
    const join = async (protocol: GroupProtocol) => {
      const one = await startVerifiable({ bootstrap, topic, group, protocol })
      members.push(one)
      ever.push(one)
    }
    const spread = () =>
      members.every((one) => one.owned().length === PARTITIONS / members.length) &&
      new Set(members.flatMap((one) => one.owned())).size === PARTITIONS
    const replaceAll = async (protocol: GroupProtocol) => {
      for (let i = 0; i < MEMBERS; i++) {
        await members.shift()!.stop()
        await join(protocol)
        await untilAll(`${i + 1} of ${MEMBERS} in the ${protocol} protocol`, members, 60_000, spread)
        await sleep(1000)
      }
    }
    try {
      for (let i = 0; i < MEMBERS; i++) await join("classic")
      await untilAll("classic members", members, 60_000, spread)
      const types = [await typeOf(bootstrap, group)]
      await replaceAll("consumer")
      types.push(await typeOf(bootstrap, group))
      await replaceAll("classic")
      types.push(await typeOf(bootstrap, group))
      isOver = true
      await appending
      const consumed = () => ever.flatMap((one) => one.consumed).reduce((sum, { from, to }) => sum + to - from + 1, 0)
      // What is lost is told below, by name.
      await holdsWithin(20_000, () => consumed() >= PARTITIONS * sent)
      await sleep(1000)
      const { lost, twice, where } = accountOf(ever, PARTITIONS, sent)
      const failures = ever.flatMap((one) => one.failures)
      report.check(
        "upgrade: the group's type",
        types.join() === "classic,consumer,classic",
        types.join(", "),
        "classic, consumer, classic"
      )
      report.check(
        "upgrade and downgrade, member by member: records",
        lost === 0 && twice === 0,
        `${lost} lost, ${twice} twice of ${PARTITIONS * sent}${where}; ${failures.length} commits failed ${failures[0] ?? ""}`,
        "0"
      )
    } finally {
      isOver = true
      await appending.catch(() => {})
      await producing.stop()
      await Promise.all(members.map((one) => one.stop()))
    }
  }
}
