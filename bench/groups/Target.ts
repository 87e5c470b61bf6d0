import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { startApacheKafka } from "../kafka/ApacheKafka.ts"
import type { KillableBroker } from "../kafka/Broker.ts"
import type { TuskBroker } from "../kafka/TuskProcess.ts"
import { startTusk } from "../kafka/TuskProcess.ts"
import { holdsWithin } from "./Report.ts"
import { Wire } from "./Wire.ts"

/** The broker that is looked at. */
export type Against = "tusk" | "memory" | "kafka"

export const againstOf = (text: string): Against => {
  if (text === "tusk" || text === "memory" || text === "kafka") return text
  throw new Error(`--against ${text}: not tusk, memory or kafka`)
}

export type Target = KillableBroker & { readonly against: Against; readonly tusk: TuskBroker | undefined }

/** Starts a broker with these of Kafka's settings, and waits until it coordinates groups. */
export const startTarget = async (
  against: Against,
  settings: Readonly<Record<string, string>> = {}
): Promise<Target> => {
  if (against === "kafka") {
    const broker = await startApacheKafka({ heap: "1g", settings })
    await untilCoordinating(broker.bootstrap).catch(async (error: unknown) => {
      await broker.stop()
      throw error
    })
    return { ...broker, against, tusk: undefined }
  }
  const tusk = await startTusk({ storage: against === "memory" ? "memory" : "embedded", settings })
  return { ...tusk, against, tusk }
}

/** Runs `work` with a connection of its own. */
export const withWire = async <A>(bootstrap: string, work: (wire: Wire) => Promise<A>): Promise<A> => {
  const wire = await Wire.connect(bootstrap, "setup")
  try {
    return await work(wire)
  } finally {
    wire.close()
  }
}

/** Kafka makes the topic of its group data when it is first asked for a coordinator, and loads it. */
const untilCoordinating = async (bootstrap: string): Promise<void> => {
  const ready = await holdsWithin(60_000, () =>
    withWire(bootstrap, async (wire) => {
      const found = await wire.call(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ["a", "b", "c", "d"] })
      if (found.coordinators.some(({ errorCode }) => errorCode !== 0)) return false
      return (await wire.call(ListGroups, 4, {})).errorCode === 0
    }).catch(() => false)
  )
  if (!ready) throw new Error("no group coordinator within 60 s")
}

/** Creates topics of one replica, in one request, and waits until each has a leader; resolves with their ids. */
export const createTopics = (
  bootstrap: string,
  topics: ReadonlyMap<string, number>,
  // Records may bear any time.
  configs: Readonly<Record<string, string>> = { "retention.ms": "-1" }
): Promise<ReadonlyMap<string, string>> =>
  withWire(bootstrap, async (wire) => {
    const wanted = Array.from(topics, ([name, numPartitions]) => ({
      name,
      numPartitions,
      replicationFactor: 1,
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    }))
    const { topics: made } = await wire.call(CreateTopics, 7, { topics: wanted, timeoutMs: 30_000 })
    const wrong = made.find(({ errorCode }) => errorCode !== 0)
    if (wrong !== undefined) throw new Error(`creating ${wrong.name}: ${wrong.errorCode} ${wrong.errorMessage}`)
    const ids = new Map<string, string>()
    const led = await holdsWithin(30_000, async () => {
      const seen = await wire.call(Metadata, 12, { topics: wanted.map(({ name }) => ({ name })) })
      for (const { name, topicId } of seen.topics) if (name !== null) ids.set(name, topicId)
      return seen.topics.every(
        ({ errorCode, name, partitions }) =>
          errorCode === 0 &&
          partitions.length === topics.get(name ?? "") &&
          partitions.every((partition) => partition.errorCode === 0)
      )
    })
    if (!led) throw new Error("topics have no leaders after 30 s")
    return ids
  })

const GROUP = 32

/** Sets configs of groups (KIP-848), in one request. */
export const setGroupConfigs = (
  bootstrap: string,
  groups: ReadonlyArray<string>,
  configs: Readonly<Record<string, string>>
): Promise<void> =>
  withWire(bootstrap, async (wire) => {
    const entries = Object.entries(configs).map(([name, value]) => ({ name, value, configOperation: 0 }))
    const { responses } = await wire.call(IncrementalAlterConfigs, 1, {
      resources: groups.map((resourceName) => ({ resourceType: GROUP, resourceName, configs: entries }))
    })
    const wrong = responses.find(({ errorCode }) => errorCode !== 0)
    if (wrong !== undefined) {
      throw new Error(`configs of ${wrong.resourceName}: ${wrong.errorCode} ${wrong.errorMessage}`)
    }
  })
