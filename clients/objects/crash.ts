/** The machine crashes while objects grow: whatever Postgres points to is on the disk, and all of it is read again. */
import { makeFileObjectStore } from "@tusk/storage/object/file/FileObjectStore"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { sleep } from "../../bench/groups/Report.ts"
import type { Broker } from "../failover/Broker.ts"
import type { Server } from "../failover/Server.ts"
import { until } from "../failover/World.ts"
import type { Scenario } from "../failover/World.ts"
import { readAgain, START, written } from "./BothTopics.ts"
import { randomOf, seedOf } from "./FaultyS3.ts"
import { LoopDisk } from "./LoopDisk.ts"
import { checked } from "./Objects.ts"

const AT_ONCE = 16
/** Merged objects are put whole, beside those that grow. */
const SETTINGS = { "tusk.object.merge.interval.ms": "1000" }

interface Pointer {
  readonly name: string
  readonly position: number
  readonly bytes: number
}

/** All that was committed. */
const pointersOf = async (server: Server): Promise<ReadonlyArray<Pointer>> => {
  const rows = await server.query(
    `select o.name, b.object_position, b.object_bytes from kafka.batches b join kafka.objects o using (object_id)`
  )
  return rows.map(([name, position, bytes]) => ({ name: name!, position: Number(position), bytes: Number(bytes) }))
}

/** No commit of the broker is under way: it stands still, and what it had asked for is carried out. */
const isQuiet = async (server: Server): Promise<boolean> =>
  (await server.number(
    `select count(*) from pg_stat_activity where state <> 'idle' and application_name like 'tusk/%'`
  )) === 0

const get = (store: ObjectStore, { bytes, name, position }: Pointer): Effect.Effect<Uint8Array | string> =>
  Effect.catch(store.get(name, position, position + bytes), (error) => Effect.succeed(error._tag))

/** Pointers whose batch is not in the crashed store what it is in the one of before. */
const wrongIn = (crashed: string, live: string, pointers: ReadonlyArray<Pointer>): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const [after, before] = [
          yield* makeFileObjectStore({ path: crashed }),
          yield* makeFileObjectStore({ path: live })
        ]
        const look = Effect.fnUntraced(function* (pointer: Pointer) {
          const [found, wanted] = [yield* get(after, pointer), yield* get(before, pointer)]
          const where = `${pointer.name} from ${pointer.position}`
          if (typeof wanted === "string") return [`${where}: ${wanted} before the crash`]
          if (typeof found === "string") return [`${where}: ${found}`]
          const isSame = Buffer.compare(found, wanted) === 0 && RecordBatch.isCrcValid(found)
          return isSame ? [] : [`${where}: other bytes`]
        })
        return (yield* Effect.forEach(pointers, look, { concurrency: AT_ONCE })).flat()
      })
    )
  )

/** What rounds came to. */
interface Crashes {
  pointers: number
  readonly wrong: Array<string>
}

/** The broker stands still, its disk is copied, it dies; it comes back on the copy. */
const crash = async (server: Server, broker: Broker, disk: LoopDisk, crashes: Crashes): Promise<void> => {
  broker.pause()
  await until("the broker stands still", 10_000, async () => broker.standsStill && (await isQuiet(server)))
  const pointers = await pointersOf(server)
  const crashed = await disk.crashed()
  crashes.pointers += pointers.length
  crashes.wrong.push(...(await wrongIn(join(crashed, "objects"), join(disk.path, "objects"), pointers)))
  await broker.kill()
  await disk.becomesCrashed()
  await broker.start()
}

export const crashes = (rounds: number): Scenario => ({
  name: "crash",
  what: "the machine crashes while objects grow: of the folder is left what the disk has, without what was only in memory",
  run: async (world) => {
    const { report } = world
    const disk = await LoopDisk.make(join(world.installed.root, "loop"))
    if (typeof disk === "string") return report.skip("crash", disk)
    world.ending.add(() => disk.stop())
    const server = await world.server("postgres")
    const url = `file://${join(disk.path, "objects")}`
    const broker = await world.broker({
      database: server.port,
      settings: { ...SETTINGS, "tusk.object.store": url }
    })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    const random = randomOf(seedOf())
    const all: Crashes = { pointers: 0, wrong: [] }
    const ends = await written(report, bootstrap, async () => {
      for (let i = 0; i < rounds; i++) {
        await sleep(300 + random() * 2000)
        await crash(server, broker, disk, all)
      }
    })
    report.check(
      `pointers committed before ${rounds} crashes`,
      all.pointers > 0,
      `${all.pointers} were looked at`,
      "some"
    )
    report.none("of these are not readable after it, with their bytes and CRC", all.wrong)
    await readAgain(report, bootstrap, START, ends)
    const { code, output } = await checked(server, url)
    report.check("tusk object check --deep", code === 0, `${code} ${output}`, "0")
  }
})
