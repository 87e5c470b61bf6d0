import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopics } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import { produce } from "./Records.ts"
import type { GroupProtocol, Verifiable } from "./Verifiable.ts"
import { accountOf, startVerifiable } from "./Verifiable.ts"
import { untilAll } from "./verifiableConsumer.ts"

const PARTITIONS = 4
const protocols: ReadonlyArray<GroupProtocol> = ["classic", "consumer"]

/** Java's consumers through a SIGKILL of the broker: they keep what they own, and each record comes once. */
export const killedJava: Check = {
  name: "killed-java",
  settings: quickGroups,
  run: async (target, report) => {
    const { bootstrap } = target
    const topics = protocols.map((protocol) => `killed-${protocol}`)
    await createTopics(bootstrap, new Map(topics.map((topic) => [topic, PARTITIONS])))
    const groups: Array<Array<Verifiable>> = []
    const stopAll = () => Promise.all(groups.flat().map((one) => one.stop()))
    try {
      for (const [i, protocol] of protocols.entries()) {
        const topic = topics[i]!
        const members: Array<Verifiable> = []
        groups.push(members)
        for (let n = 0; n < 2; n++) {
          members.push(await startVerifiable({ bootstrap, topic, group: `${topic}-group`, protocol }))
        }
        await produce(bootstrap, topic, PARTITIONS, 500)
        const shared = () => members.every((one) => one.owned().length === PARTITIONS / 2)
        await untilAll(`${protocol}: even shares`, members, 60_000, shared)
        await untilAll(
          `${protocol}: the records`,
          members,
          30_000,
          () => accountOf(members, PARTITIONS, 500).lost === 0
        )
      }
      await sleep(1000)
      const before = groups.map((members) => members.map((one) => one.rebalances()))
      await target.kill()
      await sleep(500)
      await target.start()
      for (const topic of topics) await produce(bootstrap, topic, PARTITIONS, 500, 500)
      for (const [i, protocol] of protocols.entries()) {
        const members = groups[i]!
        const all = await holdsWithin(60_000, () => accountOf(members, PARTITIONS, 1000).lost === 0)
        await sleep(1000)
        const { lost, twice } = accountOf(members, PARTITIONS, 1000)
        const more = members.reduce((sum, one, m) => sum + one.rebalances() - before[i]![m]!, 0)
        report.check(
          `killed-java: ${protocol}`,
          all && twice === 0 && more === 0,
          `${lost} lost, ${twice} twice of ${PARTITIONS * 1000}, ${more} calls of rebalance listeners`,
          "0"
        )
      }
    } finally {
      await stopAll()
    }
  }
}
