/** The broker is killed again and again while a store fails in every way: a topic of objects is what a topic of rows is. */
import { sleep } from "../../bench/groups/Report.ts"
import type { Broker } from "../failover/Broker.ts"
import { DAY_S, earlier } from "../failover/earlier.ts"
import type { Server } from "../failover/Server.ts"
import type { Scenario, World } from "../failover/World.ts"
import { deleteBefore, halves, readAgain, written } from "./BothTopics.ts"
import { FAULTS, FaultyS3, randomOf, RATES, seedOf } from "./FaultyS3.ts"
import { checked, Objects } from "./Objects.ts"
import { KEY, Versitygw } from "./Versitygw.ts"

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

const begin = async (world: World, file: string): Promise<Parts> => {
  const server = await world.server("postgres")
  const versitygw = await world.ending.stopping(Versitygw.start(file))
  const random = randomOf(seedOf())
  const proxy = await world.ending.stopping(FaultyS3.listen(await world.port(), versitygw.port, random))
  return { world, server, versitygw, proxy, random }
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
    const ends = await written(world.report, `127.0.0.1:${past.port}`, () => killing(parts, past, rounds))
    const places = halves(ends)
    proxy.rates = {}
    const orphans = (await objects.differences()).orphans.length
    const before = (await objects.names()).length
    await past.stop()

    // What is old now is merged and taken away, through the same faults and kills.
    const broker = await world.broker({ database: server.port, settings })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await deleteBefore(bootstrap, places)
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
    await readAgain(world.report, bootstrap, places, ends)
    const { code, output } = await checked(server, versitygw.url("a/b"))
    world.report.check("tusk object check", code === 0, `${code} ${output}`, "0")
  }
})
