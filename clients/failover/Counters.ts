import { createTopic, initProducerId } from "./Asking.ts"
import type { Load } from "./Load.ts"
import type { Report } from "./Report.ts"
import type { Server } from "./Server.ts"

/** By how much counters are to leap where a server may have lost the newest of them. */
const EPOCHS = 1000
const IDS = 1_000_000

/** An answer that was under way when its server was lost. */
const UNDER_WAY_MS = 300

/** Acknowledged by the old server beyond what the new one has: what the new one gives lies after the leap. */
export const isOld = (kept: number, offset: number, at: number, lostAt: number): boolean =>
  offset >= kept && offset < kept + IDS / 2 && at <= lostAt + UNDER_WAY_MS

/** What the cluster gives out in order, as the database has it. */
export interface Counters {
  readonly epoch: number
  readonly producerId: number
  readonly partitionId: number
}

export const countersOf = async (server: Server): Promise<Counters> => {
  const [row] = await server.query("select epoch, next_producer_id, next_partition_id from kafka.cluster")
  const [epoch, producerId, partitionId] = row!.map(Number)
  return { epoch: epoch!, producerId: producerId!, partitionId: partitionId! }
}

/** Ends of the load's partitions as a server's tables tell them. */
export const endsIn = async (server: Server, topic: string): Promise<ReadonlyArray<number>> => {
  const rows = await server.query(
    `select end_offset from kafka.partition_overview where topic = '${topic}' order by partition`
  )
  return rows.map(([end]) => Number(end))
}

/** Gives ids in the tail that the standby never hears of: a topic, a producer id, an epoch. */
export const giveIds = async (load: Load, bootstrap: string, primary: Server, topic: string): Promise<void> => {
  const { history } = load
  history.given("topic id", await createTopic(bootstrap, topic, 1), topic)
  for (let i = 0; i < 3; i++)
    history.given("producer id", (await initProducerId(bootstrap)).producerId, `${topic} ${i}`)
  for (const [id, name, index] of await primary.query(
    "select partition_id, name, partition_index from kafka.partitions join kafka.topics using (topic_id)"
  ))
    history.given("partition id", id!, `${name}/${index}`)
}

/** Each counter is far beyond what the lost history gave. */
export const judgeCounters = (report: Report, name: string, before: Counters, after: Counters): void => {
  const leaps = [
    ["epoch", before.epoch, after.epoch, EPOCHS],
    ["producer ids", before.producerId, after.producerId, IDS],
    ["partition ids", before.partitionId, after.partitionId, IDS]
  ] as const
  for (const [what, old, now, least] of leaps) {
    const figure = `${old} before, ${now} after`
    report.check(`${name}: ${what} leap`, now > old && now - old >= least / 2, figure, `by about ${least}`)
  }
}
