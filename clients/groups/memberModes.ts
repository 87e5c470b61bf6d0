import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { roundRobin } from "../../bench/groups/Assign.ts"
import { ClassicMember } from "../../bench/groups/ClassicMember.ts"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopics, setGroupConfigs, withWire } from "../../bench/groups/Target.ts"
import type { Program, Said } from "../Client.ts"
import { clients } from "../ClientList.ts"
import type { Member } from "../Member.ts"
import { startMember } from "../Member.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import { produce } from "./Records.ts"
import type { GroupProtocol } from "./Verifiable.ts"

const PARTITIONS = 6

interface Mode {
  readonly name: string
  readonly protocol: GroupProtocol
  readonly isStatic: boolean
  /** As librdkafka names it; undefined: what the client has by default. */
  readonly assignor?: "range" | "cooperative-sticky"
}

const modes: ReadonlyArray<Mode> = [
  { name: "consumer protocol", protocol: "consumer", isStatic: false },
  { name: "cooperative-sticky", protocol: "classic", isStatic: false, assignor: "cooperative-sticky" },
  { name: "static members, classic", protocol: "classic", isStatic: true, assignor: "range" },
  { name: "static members, consumer protocol", protocol: "consumer", isStatic: true }
]

/** Java's names of the assignors are class names. */
const javaAssignors = {
  range: "org.apache.kafka.clients.consumer.RangeAssignor",
  "cooperative-sticky": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
} as const

interface Watched extends Member {
  /** All it ever said it owned, in order. */
  readonly history: ReadonlyArray<ReadonlyArray<number>>
}

const watch = (program: Program, names: Names, env: Readonly<Record<string, string>>): Watched => {
  const history: Array<ReadonlyArray<number>> = []
  const hear = (line: string): Said | undefined => {
    const said = program.parse(line)
    if (said?.kind === "assigned") history.push(said.partitions)
    return said
  }
  const command = program.consume(names.bootstrap, names.topic, names.group)
  return { ...startMember({ ...command, env: { ...command.env, ...env } }, hear), history }
}

interface Names {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
}

const until = async (
  what: string,
  members: ReadonlyArray<Member>,
  holds: () => boolean | Promise<boolean>,
  figure = () => ""
) => {
  const held = await holdsWithin(45_000, () => {
    for (const member of members) member.check()
    return holds()
  })
  if (held) return
  throw new Error(
    `${what} not within 45 s; owned ${members.map((one) => `[${one.owned().join(",")}]`).join(" ")}${figure()}`
  )
}

const shared = (members: ReadonlyArray<Member>) => () => {
  const all = members.flatMap((one) => one.owned())
  const even = members.every((one) => one.owned().length === PARTITIONS / members.length)
  return even && all.length === PARTITIONS && new Set(all).size === PARTITIONS
}

/** A number that rises with each rebalance. */
type Rebalances = () => Promise<number>

/** A member that reads another topic, joined last so that it does not lead: it sees each rebalance of a classic group. */
const observed = async (names: Names, other: string, assignor: string): Promise<[Rebalances, ClassicMember]> => {
  const observer = new ClassicMember({
    bootstrap: names.bootstrap,
    groupId: names.group,
    topic: other,
    partitions: 1,
    assign: { ...roundRobin, name: assignor, eager: assignor === "range" },
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 30_000,
    heartbeatIntervalMs: 200
  })
  observer.start()
  if (!(await holdsWithin(45_000, () => observer.isSettled && observer.owned.length === 1))) {
    throw new Error("the member that watches the group got no assignment")
  }
  return [() => Promise.resolve(observer.joins), observer]
}

/** The group's epoch rises with each change of its members or what they subscribe to (KIP-848). */
const groupEpoch =
  (names: Names): Rebalances =>
  () =>
    withWire(names.bootstrap, async (wire) => {
      const { groups } = await wire.call(ConsumerGroupDescribe, 1, { groupIds: [names.group] })
      if (groups[0]?.errorCode !== 0) throw new Error(`ConsumerGroupDescribe: ${groups[0]?.errorCode}`)
      return groups[0].groupEpoch
    })

const recordsOf = (members: ReadonlyArray<Member>) => members.flatMap((one) => one.records)

/** How many of `count` records of each partition no member was given, and how many came twice. */
const account = (members: ReadonlyArray<Member>, count: number) => {
  const at = recordsOf(members).map(({ offset, partition }) => `${partition}/${offset}`)
  const distinct = new Set(at).size
  return { lost: PARTITIONS * count - distinct, twice: at.length - distinct }
}

/** Which records did not come, by partition. */
const missing = (members: ReadonlyArray<Member>, count: number) => () => {
  const seen = new Set(recordsOf(members).map(({ offset, partition }) => `${partition}/${offset}`))
  const gaps = Array.from({ length: PARTITIONS }, (_, partition) => {
    const absent = Array.from({ length: count }, (_, offset) => offset).filter((o) => !seen.has(`${partition}/${o}`))
    return absent.length === 0 ? "" : ` ${partition}: ${absent.length} from ${absent[0]} to ${absent.at(-1)}`
  })
  return `; missing of partition${gaps.join("")}`
}

/** A client of the matrix in the ways to be a member that are not its default. */
export const memberModes = (title: string, clientName: string): Check => ({
  name: `members-${title}`,
  settings: quickGroups,
  run: async (target, report) => {
    const client = clients.find(({ name }) => name === clientName)
    const program = await client?.prepare()
    if (program === undefined || typeof program === "string") throw new Error(program ?? `no client ${clientName}`)
    for (const [i, mode] of modes.entries()) {
      if (title === "franz-go" && mode.isStatic && mode.protocol === "consumer") {
        // It leaves for a while (-2) without its instance id, which Apache Kafka, too, takes for a departure.
        report.note(`${title}, ${mode.name}`, "not tried, its members leave for good")
        continue
      }
      await report.attempt(`${title}, ${mode.name}`, async () => {
        const names: Names = { bootstrap: target.bootstrap, topic: `${title}-${i}`, group: `${title}-${i}-group` }
        const other = `${names.topic}-other`
        await createTopics(
          names.bootstrap,
          new Map([
            [names.topic, PARTITIONS],
            [other, 1]
          ])
        )
        if (mode.protocol === "consumer") {
          await setGroupConfigs(names.bootstrap, [names.group], { "consumer.heartbeat.interval.ms": "500" })
        }
        const assignor = mode.assignor && (title === "java" ? javaAssignors[mode.assignor] : mode.assignor)
        const start = (member: number) =>
          watch(program, names, {
            TUSK_GROUP_PROTOCOL: mode.protocol,
            ...(assignor === undefined ? {} : { TUSK_ASSIGNOR: assignor }),
            ...(mode.isStatic ? { TUSK_INSTANCE_ID: `instance-${member}` } : {})
          })
        const members = [start(1)]
        const first = members[0]!
        const ever = [first]
        let observer: ClassicMember | undefined
        try {
          await produce(names.bootstrap, names.topic, PARTITIONS, 500)
          await until("one member", members, shared(members))
          members.push(start(2))
          ever.push(members[1]!)
          await until("two members", members, shared(members))
          const before = first.owned()
          members.push(start(3))
          ever.push(members[2]!)
          await until("three members", members, shared(members))
          await produce(names.bootstrap, names.topic, PARTITIONS, 500, 500)
          await until("the records", members, () => account(ever, 1000).lost === 0, missing(ever, 1000))
          if (mode.isStatic) {
            let rebalances = groupEpoch(names)
            if (mode.protocol === "classic")
              [rebalances, observer] = await observed(names, other, mode.assignor ?? "range")
            await until("three members and one that watches", members, shared(members))
            await sleep(1000)
            const [count, owned] = [await rebalances(), members[1]!.owned()]
            await members[1]!.stop()
            await sleep(1000)
            members[1] = start(2)
            ever.push(members[1])
            await until("the member that came back", members, shared(members))
            await produce(names.bootstrap, names.topic, PARTITIONS, 500, 1000)
            await until(
              "the records after a bounce",
              members,
              () => account(ever, 1500).lost === 0,
              missing(ever, 1500)
            )
            const more = (await rebalances()) - count
            const same = owned.join() === members[1].owned().join()
            report.check(
              `${title}, ${mode.name}: a member bounced`,
              more === 0 && same,
              `${more} rebalances, ${same ? "the same" : "other"} partitions`,
              "0, the same"
            )
          } else {
            const kept = first.owned().every((partition) => before.includes(partition))
            // Whether it ever owned less than what it keeps: it then had stopped reading that.
            const steady = first.history
              .slice(1)
              .every((own) => first.owned().every((partition) => own.includes(partition)))
            report.check(
              `${title}, ${mode.name}: only what moves stops`,
              kept && steady,
              first.history.map((own) => `[${own.join(",")}]`).join(" "),
              "what is kept is never given up"
            )
          }
          await sleep(500)
          const { lost, twice } = account(ever, mode.isStatic ? 1500 : 1000)
          report.check(
            `${title}, ${mode.name}: records`,
            lost === 0 && twice === 0,
            `${lost} lost, ${twice} twice`,
            "0"
          )
        } finally {
          await observer?.stop(false).catch(() => {})
          await Promise.allSettled(members.map((member) => member.stop()))
        }
      })
    }
  }
})
