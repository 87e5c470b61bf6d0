import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"

const bufferOf = (bytes: Uint8Array | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))

/** A record as it lies in the log. */
export class KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<{ readonly key: string; readonly value: Buffer | null }>

  constructor(topic: string, partition: number, record: DecodedRecord) {
    this.topic = topic
    this.partition = partition
    this.offset = record.offset
    this.timestamp = Number(record.timestamp)
    this.key = bufferOf(record.key)
    this.value = bufferOf(record.value)
    this.headers = record.headers.map(({ key, value }) => ({ key, value: bufferOf(value) }))
  }

  /** The key as UTF-8. */
  get keyText(): string | null {
    return this.key?.toString() ?? null
  }

  /** The value as UTF-8. */
  get valueText(): string | null {
    return this.value?.toString() ?? null
  }

  /** The last header of that name as UTF-8; null if its value is, undefined if there is none. */
  headerText(name: string): string | null | undefined {
    const header = this.headers.findLast(({ key }) => key === name)
    return header === undefined ? undefined : (header.value?.toString() ?? null)
  }
}
