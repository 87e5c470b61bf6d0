/** The broker is killed again and again while a store fails in every way: a topic of objects is what a topic of rows is. */
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { sleep } from "../../bench/groups/Report.ts"
import { createTopic, retrying } from "../failover/Asking.ts"
import type { Broker } from "../failover/Broker.ts"
import type { Server } from "../failover/Server.ts"
import type { Scenario, World } from "../failover/World.ts"
import { FAULTS, FaultyS3, randomOf, RATES, seedOf } from "./FaultyS3.ts"
import { checked, Objects } from "./Objects.ts"
import { Reader } from "./Reader.ts"
import type { Place } from "./Reader.ts"
import { KEY, Versitygw } from "./Versitygw.ts"
import { countOf, Writer } from "./Writer.ts"

const PARTITIONS = 3
const TOPICS = ["rows", "objects"] as const
const DAY_S = 86_400
/**
 * Objects are taken away that nobody needs, once they are old: a broker that lives two days ago makes them so. Its monotonic
 * clock, and `new Date()`, by which requests are signed, stay.
 */
const earlier = (seconds: number): Readonly<Record<string, string>> => {
  const code = `const now = Date.now; Date.now = () => now() - ${seconds * 1000}`
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` }
}

interface Parts {
  readonly world: World
  readonly server: Server
  readonly versitygw: Versitygw
  readonly proxy: FaultyS3
  readonly random: () => number
}

const settingsOf = ({ proxy, versitygw }: Parts): Readonly<Record<string, string>> => ({
  "tusk.object.store": versitygw.url("a/b", proxy.port),
  "tusk.object.s3.access.key.id": KEY.id,
  "tusk.object.s3.secret.access.key": KEY.secret,
  "tusk.object.linger.ms": "50",
  "tusk.object.delete.delay.ms": "1000",
  "tusk.object.collect.interval.ms": "1000",
  "tusk.object.merge.interval.ms": "1000"
})

/** Told once a broker may read and write objects: with such a store it may take some tries. */
const IS_OWNER = /the objects of the store are this database's/

/** Kills the broker so many times, soon after it has begun to put and to remove; and the store now and then. */
const killing = async ({ random, versitygw }: Parts, broker: Broker, times: number): Promise<void> => {
  for (let from = 0, i = 1; i <= times; i++) {
    await broker.line(IS_OWNER, 20_000, from)
    await sleep(50 + random() * 2500)
    if (i % 7 === 0) {
      await versitygw.kill()
      await versitygw.start()
    }
    from = broker.lines.length
    await broker.kill()
    await broker.start()
  }
}

/** Both topics lose what lies before these places. */
const deleteBefore = async (bootstrap: string, places: ReadonlyArray<Place>): Promise<void> => {
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
const halves = (ends: ReadonlyArray<number>): ReadonlyArray<Place> =>
  ends.map((end, partition) => {
    const batch = Math.floor(end / 2)
    const counts = Array.from({ length: batch }, (_, n) => countOf(partition, n))
    return { batch, offset: BigInt(counts.reduce((sum, count) => sum + count, 0)) }
  })

const begin = async (world: World, file: string): Promise<Parts> => {
  const server = await world.server("postgres")
  const versitygw = await world.ending.stopping(Versitygw.start(file))
  const random = randomOf(seedOf())
  const proxy = await world.ending.stopping(FaultyS3.listen(await world.port(), versitygw.port, random))
  return { world, server, versitygw, proxy, random }
}

/** Faults and kills, while both topics are written to and read. Returns how many batches there are of each partition. */
const written = async (parts: Parts, broker: Broker, kills: number): Promise<ReadonlyArray<number>> => {
  const { report } = parts.world
  const bootstrap = `127.0.0.1:${broker.port}`
  for (const name of TOPICS) {
    await createTopic(bootstrap, name, PARTITIONS, { "tusk.storage": name === "rows" ? "row" : "object" })
  }
  const start = Array.from({ length: PARTITIONS }, () => ({ batch: 0, offset: 0n }))
  const readers = readersOf(bootstrap, start)
  const objects = start.map((_, partition) => new Writer(bootstrap, "objects", partition))
  const rows = objects.map((behind, partition) => new Writer(bootstrap, "rows", partition, behind))
  await killing(parts, broker, kills)
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
    "readers beside the kills found other batches",
    readers.flatMap(({ errors }) => errors)
  )
  report.check("they read all of it", !all.includes(false), `${ends.join(" + ")} batches a topic`, "all")
  return ends
}

/** Everything that is left, read once more from the start; both topics against what was written. */
const readAgain = async (
  { world }: Parts,
  broker: Broker,
  places: ReadonlyArray<Place>,
  ends: ReadonlyArray<number>
) => {
  const readers = readersOf(`127.0.0.1:${broker.port}`, places)
  const all = await allReach(readers, ends, 120_000)
  await Promise.all(readers.map((reader) => reader.stop()))
  world.report.none(
    "batches that differ from what was written",
    readers.flatMap(({ errors }) => errors)
  )
  const offsets = readers.map(({ place }) => place.offset)
  const same = offsets.slice(0, PARTITIONS).join() === offsets.slice(PARTITIONS).join()
  world.report.check("both topics are read to one end", same && !all.includes(false), offsets.join(), "the same, all")
}

export const kills = (file: string, rounds: number): Scenario => ({
  name: "kills",
  what: "a store that fails in every way, and kills of the broker between put, commit, answer and delete",
  run: async (world) => {
    const parts = await begin(world, file)
    const { proxy, server, versitygw } = parts
    const objects = await Objects.open(world.ending, versitygw.url("a/b"), server)
    const settings = settingsOf(parts)

    const past = await world.broker({ database: server.port, settings, env: earlier(2 * DAY_S) })
    await past.start()
    proxy.rates = RATES
    const ends = await written(parts, past, rounds)
    const places = halves(ends)
    proxy.rates = {}
    const orphans = (await objects.differences()).orphans.length
    const before = (await objects.names()).length
    await past.stop()

    // What is old now is merged and taken away, through the same faults and kills.
    const broker = await world.broker({
      database: server.port,
      settings
    })
    await broker.start()
    await deleteBefore(`127.0.0.1:${broker.port}`, places)
    proxy.rates = RATES
    await killing(parts, broker, rounds)
    proxy.rates = {}
    world.report.check(
      "faults of every kind",
      FAULTS.every((name) => name === "silence" || proxy.counts.has(name)),
      [...proxy.counts].join(" "),
      "each"
    )
    const isClean = await objects.becomeClean(120_000)
    const { lost, orphans: left, young } = await objects.differences()
    const after = (await objects.names()).length
    world.report.note(
      "objects",
      `${before}, of which no row told ${orphans}; ${after} after the collector, ${young.length} of merges that were cut off`
    )
    world.report.none("objects that no row tells of", left)
    world.report.none("rows whose object is not there", lost)
    world.report.check(
      "objects were taken away",
      isClean && after > 0 && after < before,
      `${before - after}`,
      "some, not all"
    )
    await readAgain(parts, broker, places, ends)
    const { code, output } = await checked(server, versitygw.url("a/b"))
    world.report.check("tusk object check", code === 0, `${code} ${output}`, "0")
  }
})
