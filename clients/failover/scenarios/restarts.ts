import { sleep } from "../../../bench/groups/Report.ts"
import { judge, seconds } from "../Judging.ts"
import type { Scenario } from "../World.ts"

const HEALS_MS = 3000

const postmasterKilled: Scenario = {
  name: "postmaster-restart",
  what: "the postmaster and all backends are killed -9, twice, and the same server starts again",
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    const from = Date.now()
    let longest = 0
    for (let round = 0; round < 2; round++) {
      await sleep(1000)
      const killedAt = Date.now()
      await server.kill()
      await server.start()
      longest = Math.max(longest, Date.now() - killedAt)
      await sleep(3000)
    }
    const bar = `restart of ${seconds(longest)} + ${seconds(HEALS_MS)}`
    await judge(world.report, "postmaster-restart", load, { pause: { from, most: longest + HEALS_MS, bar } })
  }
}

const backendsTerminated: Scenario = {
  name: "backend-terminate",
  what: "a random backend of Tusk's is terminated every 200 ms for 8 s",
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port, settings: { "tusk.tail.cache.bytes": "4096" } })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    const from = Date.now()
    let ended = 0
    while (Date.now() - from < 8000) {
      const rows = await server.query(
        `select pg_terminate_backend(pid) from (
           select pid from pg_stat_activity where application_name like 'tusk/%' order by random() limit 1) one`
      )
      ended += rows.length
      await sleep(200)
    }
    await sleep(2000)
    world.report.note("backend-terminate: terminated", `${ended} backends`)
    const pause = { from, most: HEALS_MS, bar: "retriable errors only, and healed at once" }
    await judge(world.report, "backend-terminate", load, { pause })
  }
}

const databaseLater: Scenario = {
  name: "database-later",
  what: "the broker starts while its database is away",
  run: async (world) => {
    const server = await world.server("server")
    await server.stopImmediate()
    const broker = await world.broker({ database: server.port })
    broker.spawn()
    await sleep(3000)
    const waits = !broker.hasEnded
    world.report.check("database-later: it waits", waits, waits ? "does" : `ended with ${broker.ending}`, "goes on")
    await server.start()
    const began = Date.now()
    await broker.serves(15_000)
    const took = Date.now() - began
    world.report.check("database-later: serves", took <= 5000, seconds(took), "at most 5 s after the database came")
  }
}

export const restarts: ReadonlyArray<Scenario> = [postmasterKilled, backendsTerminated, databaseLater]
