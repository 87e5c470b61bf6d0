import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Write } from "@tusk/storage/port/Write"
import { GUARDED_TOPICS } from "./History.ts"
import type { Loss, LogLoss } from "./History.ts"
import { CONFIGURED_TOPIC } from "./ConfigAdmins.ts"
import type { Lost } from "./Server.ts"
import { KEYED_TOPIC, TIERED_TOPIC, TOPIC } from "./topicNames.ts"

type Range = readonly [first: number, last: number]

/** What a standby lacks, as clients know it. */
export const lossOf = (
  { commits, data }: Lost,
  nowMs: number
): { readonly loss: Loss; readonly keys: ReadonlyArray<Range>; readonly isAnythingLost: boolean } => {
  const idsOf = (name: string): ReadonlyArray<number> =>
    Array.from(data.topics.values()).find((topic) => topic.name === name)?.partitionIds ?? []
  const partitionIds = idsOf(TOPIC)
  const logs = [TOPIC, TIERED_TOPIC, ...GUARDED_TOPICS].map((topic) => ({
    topic,
    partitionIds: idsOf(topic),
    records: new Array<LogLoss["records"][number]>()
  }))
  const [keyedId] = idsOf(KEYED_TOPIC)
  const writes = commits.flatMap((units) => units.flat())
  const offsets: Array<Loss["offsets"][number]> = []
  const configs: Array<Loss["configs"][number]> = []
  const keys: Array<Range> = []
  const look = (write: Write): void => {
    if (write._tag === "Append") {
      // Nothing lies in a leap.
      if (RecordBatch.recordCount(write.records) === 0) return
      const [first, last] = [Number(write.baseOffset), Number(write.lastOffset)]
      for (const { partitionIds, records } of logs) {
        const partition = partitionIds.indexOf(write.partitionId)
        if (partition >= 0) records.push({ partition, first, last })
      }
      if (write.partitionId === keyedId) keys.push([first, last])
    } else if (write._tag === "PutOffset") {
      const partition = partitionIds.indexOf(write.partitionId)
      offsets.push({ group: write.groupId, partition, id: write.metadata ?? "" })
    } else if (write._tag === "PutConfig" && write.resourceName === CONFIGURED_TOPIC) {
      configs.push({ name: write.name, value: write.value ?? "" })
    }
  }
  for (const write of writes) look(write)
  const endOf = (partitionId: number): number => Number(data.partitions.get(partitionId)!.endOffset)
  const lost = new Map(
    logs.map(({ partitionIds, records, topic }) => [topic, { ends: partitionIds.map(endOf), records }])
  )
  return { loss: { nowMs, logs: lost, offsets, configs }, keys, isAnythingLost: commits.length > 0 }
}
