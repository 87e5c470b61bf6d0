import { OutcomeUnknown, StoreRefused, StoreUnavailable } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import type { OutboxKey } from "../port/Outbox.ts"
import type { WriteOf } from "../port/Write.ts"
import type { MemoryData } from "./MemoryData.ts"

/** What the writes of one commit would break, looked for in order before any of them is applied. */
export class MemoryDraft {
  private readonly data: MemoryData
  private readonly maxBytes: number
  private readonly ends = new Map<number, bigint>()
  private readonly names = new Map<string, string>()
  private readonly created = new Set<number>()
  private readonly taken = new Set<bigint>()
  private bytes: number

  constructor(data: MemoryData, maxBytes: number) {
    this.data = data
    this.maxBytes = maxBytes
    this.bytes = data.bytes
    for (const [topicId, topic] of data.topics) this.names.set(topic.name, topicId)
  }

  append(write: WriteOf<"Append">): StoreError | undefined {
    const { partitionId } = write
    const partition = this.data.partitions.get(partitionId)
    if (partition === undefined && !this.created.has(partitionId)) {
      return new StoreRefused({ message: `no partition ${partitionId}` })
    }
    const end = this.ends.get(partitionId) ?? partition?.endOffset ?? 0n
    if (write.baseOffset < end) {
      const message = `partition ${partitionId} already holds offset ${write.baseOffset}`
      return new OutcomeUnknown({ message: `${message}: memory is behind what is stored` })
    }
    this.ends.set(partitionId, write.lastOffset + 1n)
    if (write.stored === undefined) this.bytes += write.records.byteLength
    if (this.bytes <= this.maxBytes) return undefined
    return new StoreUnavailable({ message: `the memory given for records (${this.maxBytes} bytes) is used up` })
  }

  putTopic({ name, topicId }: WriteOf<"PutTopic">): StoreError | undefined {
    const holder = this.names.get(name)
    if (holder !== undefined && holder !== topicId) {
      return new StoreRefused({ message: `a topic named ${name} is there already` })
    }
    this.names.set(name, topicId)
    return undefined
  }

  putPartition({ partitionId }: WriteOf<"PutPartition">): StoreError | undefined {
    if (this.data.partitions.has(partitionId)) {
      return new StoreRefused({ message: `partition ${partitionId} is there already` })
    }
    this.created.add(partitionId)
    return undefined
  }

  deleteTopic(deleted: WriteOf<"DeleteTopic">): undefined {
    for (const [name, topicId] of this.names) if (topicId === deleted.topicId) this.names.delete(name)
  }

  takeOutbox(keys: ReadonlyArray<OutboxKey>): StoreError | undefined {
    for (const { id } of keys) {
      if (!this.data.outbox.has(id) || this.taken.has(id)) {
        return new StoreRefused({ message: `row ${id} of the outbox is not there` })
      }
      this.taken.add(id)
    }
    return undefined
  }
}
