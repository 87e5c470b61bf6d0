/** A record as an old client, or the broker, tells it; `offset` in text, as it may be too large for a number. */
export interface Told {
  readonly partition: number
  readonly offset: string
  readonly timestamp: number
  readonly key: string
  readonly value: string
  /** The header `n`. */
  readonly header: string
}

/** The n-th record of a topic; its time is so many milliseconds after that of the first. */
export const oldRecordOf = (id: number, timeOfFirst: number) => ({
  key: `key-${id % 100}`,
  // Long enough that a batch is worth compressing, and some have more than one block of their codec.
  value: `value-${id}:${"tusk ".repeat(100)}`,
  header: `${id}`,
  timestamp: timeOfFirst + id
})

export const parseTold = (text: string): ReadonlyArray<Told> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [partition = "", offset = "", timestamp = "", key = "", value = "", header = ""] = line.split("\t")
      return { partition: Number(partition), offset, timestamp: Number(timestamp), key, value, header }
    })

/** Every record from `from` to `to` once, with all it was written with, in the order of offsets. */
export const verifyTold = (records: ReadonlyArray<Told>, from: number, to: number, timeOfFirst: number): void => {
  const seen = new Set<number>()
  const last = new Map<number, bigint>()
  for (const { partition, offset, ...record } of records) {
    const at = `${partition}/${offset}`
    const id = record.header === "" ? NaN : Number(record.header)
    if (!(id >= from && id < to)) throw new Error(`unexpected record "${record.header}" at ${at}`)
    const wanted = oldRecordOf(id, timeOfFirst)
    for (const part of ["key", "value", "timestamp"] as const) {
      if (record[part] === wanted[part]) continue
      throw new Error(`record ${id} at ${at} has ${part} ${record[part]} in place of ${wanted[part]}`)
    }
    if (seen.has(id)) throw new Error(`record ${id} came twice, the second time from ${at}`)
    seen.add(id)
    if ((last.get(partition) ?? -1n) >= BigInt(offset)) throw new Error(`offsets go back at ${at}`)
    last.set(partition, BigInt(offset))
  }
  if (seen.size < to - from) throw new Error(`${seen.size} of ${to - from} records came`)
}
