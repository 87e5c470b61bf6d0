import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import type { TuskBroker } from "../../bench/kafka/TuskProcess.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import { init, send, told } from "./tools.ts"
import type { Producer } from "./tools.ts"

const [TOPIC, ID] = ["hanging", "hanging"]

/** Leaves a transaction open in a partition of which no coordinator knows. */
export type Plant = (bootstrap: string) => Promise<void>

const sending = (wire: Wire, producer: Producer, version: number) =>
  send(wire, ID, producer, 0, { topic: TOPIC, version })

/** A coordinator's row is deleted while the broker is down. */
export const plantInTusk =
  (tusk: TuskBroker): Plant =>
  async (bootstrap) => {
    await withWire(bootstrap, async (wire) => sending(wire, await init(wire, ID), 12))
    await tusk.kill()
    const [, , , port, host] = readFileSync(join(tusk.dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
    const target = resolveOptions({ host: host ?? "", port: Number(port), user: "postgres", database: "postgres" })
    const session = await Effect.runPromise(connect(target, "plant"))
    await Effect.runPromise(session.query(`delete from kafka.transactional_ids where transactional_id = '${ID}'`))
    await Effect.runPromise(session.close(""))
    await tusk.start()
  }

const verifying = async (wire: Wire, value: string): Promise<void> => {
  const BROKER = 4
  const configs = [{ name: "transaction.partition.verification.enable", value, configOperation: 0 }]
  const { responses } = await wire.call(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: BROKER, resourceName: "1", configs }]
  })
  if (responses[0]?.errorCode !== 0) throw new Error(`configs of Apache Kafka: error ${responses[0]?.errorCode}`)
}

/** A batch of a producer that has named no partition, while nobody looks. */
export const plantInKafka: Plant = (bootstrap) =>
  withWire(bootstrap, async (wire) => {
    const producer = await init(wire, ID)
    await verifying(wire, "false")
    // A config counts a moment after it was answered.
    const sent = () =>
      sending(wire, producer, 10).then(
        () => true,
        () => false
      )
    if (!(await holdsWithin(30_000, sent))) throw new Error("Apache Kafka still looks after 30 s")
    await verifying(wire, "true")
  })

/** What `kafka-transactions` makes of it: outcomes by step. */
export const hangingOutcomes = async (bootstrap: string, plant: Plant): Promise<ReadonlyMap<string, string>> => {
  const outcomes = new Map<string, string>()
  await createTopics(bootstrap, new Map([[TOPIC, 1]]))
  await plant(bootstrap)
  await withWire(bootstrap, (wire) => wire.call(FindCoordinator, 4, { keyType: 1, coordinatorKeys: [ID] }))
  const shell = await startToolShell(bootstrap)
  const ask = async (step: string, ...args: ReadonlyArray<string>) => {
    const { code, text } = await shell.run("kafka-transactions", args)
    outcomes.set(step, `${told(text)} (${code})`)
  }
  const find = ["find-hanging", "--topic", TOPIC, "--max-transaction-timeout", "0"]
  const producers = ["describe-producers", "--topic", TOPIC, "--partition", "0"]
  try {
    await ask("producers before", ...producers)
    await ask("found", ...find)
    await ask("abort", "abort", "--topic", TOPIC, "--partition", "0", "--start-offset", "0")
    await ask("found afterwards", ...find)
    await ask("producers afterwards", ...producers)
  } finally {
    await shell.stop()
  }
  return outcomes
}
