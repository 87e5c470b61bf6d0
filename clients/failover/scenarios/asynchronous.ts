import { sleep } from "../../../bench/groups/Report.ts"
import { readAll } from "../Asking.ts"
import { countersOf, endsIn, giveIds, isOld, judgeCounters } from "../Counters.ts"
import { judge, seconds } from "../Judging.ts"
import type { Load } from "../Load.ts"
import type { Proxy } from "../Proxy.ts"
import type { Server } from "../Server.ts"
import type { Scenario, World } from "../World.ts"
import { lockHolder, until } from "../World.ts"

const BESIDE_PROMOTION_MS = 3000
interface Pair {
  readonly primary: Server
  readonly standby: Server
  readonly database: Proxy
  readonly bootstrap: string
  readonly load: Load
}

const loosePair = async (world: World, settings: Readonly<Record<string, string>> = {}): Promise<Pair> => {
  const primary = await world.server("primary")
  const database = await world.proxy(primary.port)
  const broker = await world.broker({ database: database.port, settings })
  await broker.start()
  const standby = await world.standby(primary, "standby")
  const bootstrap = `127.0.0.1:${broker.port}`
  const load = await world.load({ bootstrap })
  await load.flows()
  return { primary, standby, database, bootstrap, load }
}

/** The standby gets nothing more, while the load and everybody's counters go on. */
const leaveBehind = async (pair: Pair): Promise<void> => {
  const { bootstrap, load, primary, standby } = pair
  await standby.cutReceiver()
  const holder = await lockHolder(primary)
  const { epoch } = await countersOf(primary)
  await primary.query(`select pg_terminate_backend(${holder!.pid})`)
  await until("a new epoch", 10_000, async () => (await countersOf(primary)).epoch > epoch)
  await giveIds(load, bootstrap, primary, "tail")
  await sleep(2500)
}

const asyncPromote: Scenario = {
  name: "async-promote",
  what: "an asynchronous standby whose receiver was cut 3 s before takes over from a killed primary (H4)",
  run: async (world) => {
    const name = "async-promote"
    const pair = await loosePair(world)
    const { bootstrap, database, load, primary, standby } = pair
    await sleep(1000)
    await leaveBehind(pair)
    const before = await countersOf(primary)
    const told = load.history.highestEpoch
    const from = Date.now()
    await primary.kill()
    const kept = await endsIn(standby, load.topic)
    await standby.promote()
    const away = Date.now() - from
    database.switchTo(standby.port)
    await sleep(3000)
    await giveIds(load, bootstrap, standby, "after")
    await sleep(2000)
    await judge(world.report, name, load, {
      pause: {
        from,
        most: away + BESIDE_PROMOTION_MS,
        bar: `promotion of ${seconds(away)} + ${seconds(BESIDE_PROMOTION_MS)}`
      },
      mayBeLost: ({ at, offset, partition }) => isOld(kept[partition]!, offset, at, from)
    })
    judgeCounters(world.report, name, before, await countersOf(standby))
    const epoch = load.history.highestEpoch
    world.report.check(`${name}: epoch that clients see`, epoch > told, `${told}, then ${epoch}`, "a higher one")
    const lags = await load.lags()
    world.report.check(
      `${name}: lag at the end`,
      lags.every((lag) => lag === 0),
      lags.join(", "),
      "0"
    )
  }
}

const readersOfOldServer: Scenario = {
  name: "old-server-reads",
  what: "the address moves to a promoted standby that was behind, while the old primary lives on: who is read? (A2)",
  run: async (world) => {
    const name = "old-server-reads"
    const pair = await loosePair(world, { "tusk.tail.cache.bytes": "1024", "tusk.read.ahead.bytes": "0" })
    const { bootstrap, database, load, primary, standby } = pair
    // Each reader has a session with the old server.
    await Promise.all(Array.from({ length: 6 }, () => readAll(bootstrap, load.topic, load.partitions)))
    await standby.cutReceiver()
    await sleep(1500)
    const from = Date.now()
    const kept = await endsIn(standby, load.topic)
    await standby.promote()
    database.target = standby.port
    const away = Date.now() - from
    // Nothing but the writer's session is gone.
    await primary.query(`select pg_terminate_backend(${(await lockHolder(primary))!.pid})`)
    const movedAt = Date.now()
    await sleep(5000)
    const sessions = await primary.number("select count(*) from pg_stat_activity where application_name like 'tusk/%'")
    world.report.check(`${name}: sessions on the old server`, sessions === 0, `${sessions}`, "0")
    await judge(world.report, name, load, {
      pause: { from, most: away + BESIDE_PROMOTION_MS, bar: "address moved" },
      mayBeLost: ({ at, offset, partition }) => isOld(kept[partition]!, offset, at, movedAt)
    })
  }
}

export const asynchronous: ReadonlyArray<Scenario> = [asyncPromote, readersOfOldServer]
