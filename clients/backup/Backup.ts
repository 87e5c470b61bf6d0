import { sleep } from "../../bench/groups/Report.ts"
import type { Broker } from "../failover/Broker.ts"
import { countersOf, endsIn, giveIds, isOld, judgeCounters } from "../failover/Counters.ts"
import type { Counters } from "../failover/Counters.ts"
import { judge, seconds } from "../failover/Judging.ts"
import type { Load } from "../failover/Load.ts"
import type { Proxy } from "../failover/Proxy.ts"
import type { Server } from "../failover/Server.ts"
import { until } from "../failover/World.ts"
import type { World } from "../failover/World.ts"
import { QuietProducer } from "./QuietProducer.ts"

/** What producers may wait beside the time that restoring takes: a broker starts, clients come back. */
const BESIDE_RESTORE_MS = 5000
/** A broker looks so often whether the objects are its database's by now. */
const ADOPTED_MS = 3000
const TOPIC = "load"

/** A server with a broker before it and a load on it. */
export interface Backed {
  readonly primary: Server
  readonly database: Proxy
  readonly broker: Broker
  readonly bootstrap: string
  readonly load: Load
  readonly quiet: QuietProducer
}

export const backed = async (world: World, settings: Readonly<Record<string, string>> = {}): Promise<Backed> => {
  const primary = await world.server("primary", settings)
  const database = await world.proxy(primary.port)
  const broker = await world.broker({ database: database.port })
  await broker.start()
  const bootstrap = `127.0.0.1:${broker.port}`
  const load = await world.load({ bootstrap, topic: TOPIC })
  const quiet = await QuietProducer.start(bootstrap)
  await load.flows()
  await sleep(1000)
  return { primary, database, broker, bootstrap, load, quiet }
}

/** Time goes on behind the backup: records, offsets, a topic, producer ids, an epoch that clients are told and it lacks. */
export const goesOnBehind = async ({ bootstrap, broker, load, primary }: Backed): Promise<Counters> => {
  const { epoch } = await countersOf(primary)
  await broker.stop()
  await broker.start()
  await until("a new epoch", 10_000, async () => (await countersOf(primary)).epoch > epoch)
  await giveIds(load, bootstrap, primary, "tail")
  await sleep(2000)
  return countersOf(primary)
}

export interface Restored {
  readonly server: Server
  /** Before the backup began: what was acknowledged by then has to be there. */
  readonly begunAt: number
  /** When the last of the lost history was told, and clients waited for the new one. */
  readonly lostAt: number
  /** Of the history that is lost. */
  readonly before: Counters
  readonly kept: ReadonlyArray<number>
  /** The broker that serves it told the lost history itself: it goes on from there, and need not leap. */
  readonly remembered?: boolean
}

export const keptIn = (server: Server): Promise<ReadonlyArray<number>> => endsIn(server, TOPIC)

/** The broker serves what was restored: whatever the backup could have is there, and nothing is given twice. */
export const judgeRestored = async (world: World, name: string, backed: Backed, restored: Restored): Promise<void> => {
  const { bootstrap, load, quiet } = backed
  const { before, begunAt, kept, lostAt, server } = restored
  const { report, store } = world
  const adopted = await store?.adopt(server, "--yes")
  if (adopted !== undefined)
    report.check(`${name}: adopt`, adopted.code === 0, `${adopted.code} ${adopted.output}`, "0")
  const adoptedMs = adopted === undefined ? 0 : ADOPTED_MS
  const away = Date.now() - lostAt
  await sleep(2000 + adoptedMs)
  await giveIds(load, bootstrap, server, "after")
  const old = [...load.history.acks.values()].filter(({ at }) => at < begunAt)
  const gone = old.filter(({ offset, partition }) => offset >= kept[partition]!)
  report.check(
    `${name}: acknowledged before the backup began`,
    old.length > 0 && gone.length === 0,
    `${gone.length} of ${old.length} are not in it`,
    "none"
  )
  await judge(report, name, load, {
    pause: {
      from: lostAt,
      most: away + BESIDE_RESTORE_MS + adoptedMs,
      bar: `restored in ${seconds(away)}`
    },
    mayBeLost: ({ at, offset, partition }) => isOld(kept[partition]!, offset, at, lostAt)
  })
  const after = await countersOf(server)
  if (restored.remembered !== true) judgeCounters(report, name, before, after)
  else {
    const isBeyond = after.epoch > before.epoch && after.producerId >= before.producerId
    const figure = `epoch ${before.epoch}, then ${after.epoch}; producer ids from ${before.producerId}, then ${after.producerId}`
    report.check(`${name}: nothing is given again`, isBeyond, figure, "higher")
  }
  await quiet.goesOn(report, name)
  const lags = await load.lags()
  const caughtUp = lags.every((lag) => lag === 0)
  report.check(`${name}: lag at the end`, caughtUp, lags.join(", "), "0")
  const checked = await store?.check(server)
  if (checked !== undefined) {
    report.check(`${name}: tusk object check --deep`, checked.code === 0, `${checked.code} ${checked.output}`, "0")
  }
}
