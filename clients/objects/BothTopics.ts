/** A topic of rows and one of objects, to which the same is written: whatever happens, both are what was written. */
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { createTopic, retrying } from "../failover/Asking.ts"
import type { Report } from "../failover/Report.ts"
import { Reader } from "./Reader.ts"
import type { Place } from "./Reader.ts"
import { countOf, Writer } from "./Writer.ts"

const PARTITIONS = 3
/** Where partitions begin. */
export const START: ReadonlyArray<Place> = Array.from({ length: PARTITIONS }, () => ({ batch: 0, offset: 0n }))

const TOPICS = ["rows", "objects"] as const

/** Both topics lose what lies before these places. */
export const deleteBefore = async (bootstrap: string, places: ReadonlyArray<Place>): Promise<void> => {
  for (const name of TOPICS) {
    const partitions = places.map(({ offset }, partitionIndex) => ({ partitionIndex, offset }))
    await retrying(
      bootstrap,
      `deleting records of ${name}`,
      async (wire) => {
        const answer = await wire.call(DeleteRecords, 2, { topics: [{ name, partitions }], timeoutMs: 5000 })
        const code = answer.topics[0]!.partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode
        if (code !== undefined) throw new Error(`DeleteRecords is answered ${code}`)
      },
      60_000
    )
  }
}

const readersOf = (bootstrap: string, places: ReadonlyArray<Place>): ReadonlyArray<Reader> =>
  TOPICS.flatMap((topic) => places.map((place, partition) => new Reader(bootstrap, topic, partition, place)))

const allReach = (
  readers: ReadonlyArray<Reader>,
  ends: ReadonlyArray<number>,
  ms: number
): Promise<ReadonlyArray<boolean>> => Promise.all(readers.map((reader, i) => reader.reaches(ends[i % PARTITIONS]!, ms)))

/** Where the second half of each partition begins. */
export const halves = (ends: ReadonlyArray<number>): ReadonlyArray<Place> =>
  ends.map((end, partition) => {
    const batch = Math.floor(end / 2)
    const counts = Array.from({ length: batch }, (_, n) => countOf(partition, n))
    return { batch, offset: BigInt(counts.reduce((sum, count) => sum + count, 0)) }
  })

/** Both topics are written to and read while something happens. Returns how many batches there are of each partition. */
export const written = async (
  report: Report,
  bootstrap: string,
  happens: () => Promise<void>
): Promise<ReadonlyArray<number>> => {
  for (const name of TOPICS) {
    await createTopic(bootstrap, name, PARTITIONS, { "tusk.storage": name === "rows" ? "row" : "object" })
  }
  const readers = readersOf(bootstrap, START)
  const objects = START.map((_, partition) => new Writer(bootstrap, "objects", partition))
  const rows = objects.map((behind, partition) => new Writer(bootstrap, "rows", partition, behind))
  await happens()
  const ends = objects.map(({ sent }, partition) => Math.max(sent, rows[partition]!.sent))
  const writers = [...rows, ...objects]
  await Promise.all(writers.map((writer, i) => writer.until(ends[i % PARTITIONS]!)))
  const all = await allReach(readers, ends, 60_000)
  await Promise.all(readers.map((reader) => reader.stop()))
  report.none(
    "writers were told of errors that do not pass",
    writers.flatMap(({ errors }) => errors)
  )
  report.none(
    "readers beside it found other batches",
    readers.flatMap(({ errors }) => errors)
  )
  report.check("they read all of it", !all.includes(false), `${ends.join(" + ")} batches a topic`, "all")
  return ends
}

/** Everything that is left, read once more from the start; both topics against what was written. */
export const readAgain = async (
  report: Report,
  bootstrap: string,
  places: ReadonlyArray<Place>,
  ends: ReadonlyArray<number>
) => {
  const readers = readersOf(bootstrap, places)
  const all = await allReach(readers, ends, 120_000)
  await Promise.all(readers.map((reader) => reader.stop()))
  report.none(
    "batches that differ from what was written",
    readers.flatMap(({ errors }) => errors)
  )
  const offsets = readers.map(({ place }) => place.offset)
  const same = offsets.slice(0, PARTITIONS).join() === offsets.slice(PARTITIONS).join()
  report.check("both topics are read to one end", same && !all.includes(false), offsets.join(), "the same, all")
}
