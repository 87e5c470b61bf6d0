import { sleep } from "../../../bench/groups/Report.ts"
import { judge, seconds } from "../Judging.ts"
import { DATABASE } from "../Server.ts"
import type { Server } from "../Server.ts"
import type { Scenario } from "../World.ts"
import { strictPair, until } from "../World.ts"

/** What a take-over may take beside the promotion. */
const BESIDE_PROMOTION_MS = 3000
const VANISHED_MS = 10_000

/** Promotes; how long the database was away since then. */
const promoted = async (standby: Server, since: number): Promise<number> => {
  await standby.promote()
  return Date.now() - since
}

const syncPromote: Scenario = {
  name: "sync-promote",
  what: "the primary is killed -9, its synchronous standby is promoted behind the same address",
  run: async (world) => {
    const { primary, standby } = await strictPair(world)
    const database = await world.proxy(primary.port)
    const broker = await world.broker({ database: database.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    await sleep(2000)
    const from = Date.now()
    await primary.kill()
    const away = await promoted(standby, from)
    database.switchTo(standby.port)
    await sleep(5000)
    const bar = `promotion of ${seconds(away)} + ${seconds(BESIDE_PROMOTION_MS)}`
    await judge(world.report, "sync-promote", load, { pause: { from, most: away + BESIDE_PROMOTION_MS, bar } })
  }
}

const multiHost: Scenario = {
  name: "multi-host",
  what: "the same, both servers in the database URL and nothing in front of them",
  run: async (world) => {
    const { primary, standby } = await strictPair(world)
    const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`
    const databaseUrl = `postgres://postgres@${hosts}/${DATABASE}?sslmode=disable&target_session_attrs=read-write`
    const broker = await world.broker({ databaseUrl })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    await sleep(1000)
    const from = Date.now()
    await primary.kill()
    const away = await promoted(standby, from)
    await sleep(4000)
    const bar = `promotion of ${seconds(away)} + ${seconds(BESIDE_PROMOTION_MS)}`
    await judge(world.report, "multi-host", load, { pause: { from, most: away + BESIDE_PROMOTION_MS, bar } })
  }
}

const vanishedHost: Scenario = {
  name: "vanished-host",
  what: "the primary's machine vanishes without a word, new connections reach the promoted standby",
  run: async (world) => {
    const { primary, standby } = await strictPair(world)
    const database = await world.proxy(primary.port)
    const broker = await world.broker({ database: database.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    await sleep(1000)
    const from = Date.now()
    database.vanish()
    await primary.kill()
    await standby.promote()
    database.target = standby.port
    await sleep(VANISHED_MS + 3000)
    await judge(world.report, "vanished-host", load, { pause: { from, most: VANISHED_MS, bar: "a vanished host" } })
  }
}

const cancelled: Scenario = {
  name: "cancel-sync-wait",
  what: "commits that wait for the synchronous standby are cancelled, then the primary dies and it is promoted (H3)",
  run: async (world) => {
    const { primary, standby } = await strictPair(world)
    const database = await world.proxy(primary.port)
    const broker = await world.broker({ database: database.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    const from = Date.now()
    await standby.cutReceiver()
    let cancelled = 0
    for (let round = 0; round < 8; round++) {
      // Where a cancelled commit is not believed, the next one waits in the same place.
      await until("a commit waits for the standby", 10_000, async () => {
        const rows = await primary.query(
          `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and pid <> pg_backend_pid()`
        )
        cancelled += rows.length
        return rows.length > 0
      })
      await sleep(150)
    }
    await primary.kill()
    const away = await promoted(standby, from)
    database.switchTo(standby.port)
    await sleep(4000)
    world.report.note("cancel-sync-wait: cancelled", `${cancelled} waits`)
    const bar = `standby away and promotion, ${seconds(away)}, + ${seconds(BESIDE_PROMOTION_MS)}`
    await judge(world.report, "cancel-sync-wait", load, { pause: { from, most: away + BESIDE_PROMOTION_MS, bar } })
  }
}

export const synchronous: ReadonlyArray<Scenario> = [syncPromote, multiHost, vanishedHost, cancelled]
