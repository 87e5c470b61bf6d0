import { holdsWithin, sleep } from "../../../bench/groups/Report.ts"
import { ASKS_TO_ADOPT, deleted, filled, judgeCheck, judgeRefusal, KEEN, SAID_MS, storeOf } from "../Adopting.ts"
import { createTopic } from "../Asking.ts"
import { DAY_S, earlier } from "../earlier.ts"
import { judge, seconds } from "../Judging.ts"
import { DATABASE } from "../Server.ts"
import { Transactions } from "../Transactions.ts"
import { strictPair } from "../World.ts"
import type { Scenario } from "../World.ts"
import { former } from "./former.ts"

/** `tusk object adopt` is heard of, and clients come back. */
const AFTER_ADOPTION_MS = 6000
/** An operator, or a callback, comes so late. */
const UNADOPTED_MS = 8000

const adopt: Scenario = {
  name: "objects-adopt",
  what: "objects in a folder: the primary and its broker are killed -9, the synchronous standby is promoted, and adopts",
  run: async (world) => {
    const name = "objects-adopt"
    const { report } = world
    const { primary, standby } = await strictPair(world)
    const store = storeOf(world, "adopted")
    const clients = await world.proxy(0)
    const bootstrap = `127.0.0.1:${clients.port}`
    const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`
    const wish = {
      databaseUrl: `postgres://postgres@${hosts}/${DATABASE}?sslmode=disable&target_session_attrs=read-write`,
      settings: { ...KEEN, "tusk.object.store": store.url },
      advertisedPort: clients.port
    }
    // What the first one leaves is old for the second, which would take away what nobody points to.
    const past = { ...wish, env: earlier(2 * DAY_S) }
    const before = await world.broker({ ...past, advertisedPort: undefined })
    await filled(before, "gone", 50)
    const unused = store.paths
    const first = await world.broker(past)
    const second = await world.broker({ ...wish, flags: ["--standby"] })
    await first.start()
    clients.target = first.port
    second.spawn()
    await createTopic(bootstrap, "transactions", 2)
    const load = await world.load({ bootstrap })
    const transactions = new Transactions(bootstrap, "transactions", 2)
    world.ending.add(() => transactions.abandon())
    await load.flows()
    await deleted(bootstrap, "gone")
    const early = await store.adopt(standby, "--yes")
    report.check(
      `${name}: adopt before the promotion`,
      early.code !== 0,
      `${early.code} ${early.output}`,
      "is not done"
    )
    await sleep(2000)

    const from = Date.now()
    await Promise.all([first.kill(), primary.kill()])
    const held = store.held()
    await standby.promote()
    const said = await second.line(ASKS_TO_ADOPT, SAID_MS)
    const figure = said === undefined ? "it does not" : seconds(said.at - from)
    report.check(`${name}: the broker asks for the adoption`, said !== undefined, figure, `within ${seconds(SAID_MS)}`)
    await second.serves(SAID_MS)
    clients.switchTo(second.port)
    await judgeRefusal(world, name, `127.0.0.1:${second.port}`, "load")
    await sleep(Math.max(0, from + UNADOPTED_MS - Date.now()))
    report.none(`${name}: objects that were harmed before the adoption`, store.harmed(held), `0 of ${held.size}`)
    report.check(
      `${name}: objects put before it`,
      store.paths.length === held.size,
      `${store.paths.length - held.size}`,
      "0"
    )

    const asked = await store.adopt(standby)
    report.check(`${name}: adopt without --yes`, asked.code !== 0, `${asked.code} ${asked.output}`, "is not done")
    const adopted = await store.adopt(standby, "--yes")
    report.check(`${name}: adopt --yes`, adopted.code === 0, `${adopted.code}`, "0")
    const adoptedAt = Date.now()
    const areGone = () => unused.every((path) => !store.paths.includes(path))
    const isCollected = await holdsWithin(30_000, areGone, 200)
    report.check(`${name}: what nobody points to goes after it`, isCollected, `${unused.length} objects`, "all")
    const most = adoptedAt - from + AFTER_ADOPTION_MS
    const bar = `adopted after ${seconds(adoptedAt - from)}, + ${seconds(AFTER_ADOPTION_MS)}`
    await judge(report, name, load, { pause: { from, most, bar } })
    await transactions.judge(report, name)
    await judgeCheck(world, name, store, standby)
  }
}

const LIVED_THROUGH_MS = 3000

const callback: Scenario = {
  name: "objects-callback",
  what: "objects in a folder: the broker lives through the promotion, and the callback adopts all the same, at any moment",
  run: async (world) => {
    const name = "objects-callback"
    const { report } = world
    const { primary, standby } = await strictPair(world)
    const store = storeOf(world, "called-back")
    const database = await world.proxy(primary.port)
    const broker = await world.broker({
      database: database.port,
      settings: { ...KEEN, "tusk.object.store": store.url }
    })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "transactions", 2)
    const load = await world.load({ bootstrap })
    const transactions = new Transactions(bootstrap, "transactions", 2)
    world.ending.add(() => transactions.abandon())
    await load.flows()
    await sleep(2000)
    const from = Date.now()
    await primary.kill()
    await standby.promote()
    const away = Date.now() - from
    database.switchTo(standby.port)
    for (let times = 0; times < 4; times++) {
      const { code, output } = await store.adopt(standby, "--yes")
      // The broker took them at that very moment.
      const isTaken = output.includes("changed meanwhile")
      report.check(`${name}: adopt`, code === 0 || isTaken, `${code} ${output}`, "0, or the broker was faster")
    }
    await sleep(3000)
    const bar = `promotion of ${seconds(away)} + ${seconds(LIVED_THROUGH_MS)}`
    await judge(report, name, load, { pause: { from, most: away + LIVED_THROUGH_MS, bar } })
    await transactions.judge(report, name)
    await judgeCheck(world, name, store, standby)
  }
}

export const objects: ReadonlyArray<Scenario> = [callback, adopt, former]
