import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { join } from "node:path"
import { holdsWithin, sleep } from "../../../bench/groups/Report.ts"
import { withWire } from "../../../bench/groups/Target.ts"
import { Reader } from "../../objects/Reader.ts"
import { Writer } from "../../objects/Writer.ts"
import { createTopic, fetch, retrying } from "../Asking.ts"
import type { Broker } from "../Broker.ts"
import { DAY_S, earlier } from "../earlier.ts"
import { judge, seconds } from "../Judging.ts"
import { DATABASE } from "../Server.ts"
import type { Server } from "../Server.ts"
import { Store } from "../Store.ts"
import { Transactions } from "../Transactions.ts"
import { until } from "../World.ts"
import type { Scenario, World } from "../World.ts"

/** A collector that takes what it may as soon as it may. */
const KEEN = {
  "tusk.log.storage": "object",
  "tusk.object.delete.delay.ms": "1000",
  "tusk.object.collect.interval.ms": "1000",
  "tusk.object.merge.interval.ms": "1000",
  // Clients' clocks are far ahead of those of a broker that lives in the past.
  "log.message.timestamp.after.max.ms": `${10 * DAY_S * 1000}`
}
const ASKS_TO_ADOPT = /objects are neither read nor written: .*tusk object adopt/
/** `tusk object adopt` is heard of, and clients come back. */
const AFTER_ADOPTION_MS = 6000
/** An operator, or a callback, comes so late. */
const UNADOPTED_MS = 8000
/** A broker says so soon that it may not. */
const SAID_MS = 10_000
const RETRIABLE = new Set([3, 5, 6, 7, 9, 56])

const strictPair = async (world: World): Promise<{ readonly primary: Server; readonly standby: Server }> => {
  const primary = await world.server("primary")
  const standby = await world.standby(primary, "standby")
  await primary.synchronous("standby")
  return { primary, standby }
}

const storeOf = (world: World, name: string): Store => new Store(join(world.installed.root, name))

/** A topic of so many batches, in an object of its own. */
const filled = async (broker: Broker, topic: string, batches: number): Promise<void> => {
  const bootstrap = `127.0.0.1:${broker.port}`
  await broker.start()
  await createTopic(bootstrap, topic, 1)
  const writer = new Writer(bootstrap, topic, 0)
  await writer.until(batches)
  await broker.stop()
  if (writer.errors.length > 0) throw new Error(writer.errors[0])
}

const deleted = (bootstrap: string, name: string): Promise<void> =>
  retrying(bootstrap, `deleting ${name}`, async (wire) => {
    const { responses } = await wire.call(DeleteTopics, 6, { topics: [{ name }], timeoutMs: 5000 })
    const code = responses[0]!.errorCode
    if (code !== 0 && code !== 3) throw new Error(`DeleteTopics is answered ${code}`)
  })

/** How a produce and a fetch of a topic are answered: codes, and after how many milliseconds. */
const answered = (bootstrap: string, topic: string): Promise<ReadonlyArray<{ code: number; ms: number }>> =>
  withWire(bootstrap, async (wire) => {
    const timed = async (ask: Promise<number>) => {
      const from = performance.now()
      return { code: await ask, ms: performance.now() - from }
    }
    const records = RecordBatch.encodeBatch([{ timestamp: 0n, key: null, value: Buffer.from("refused") }])
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
    const produced = await timed(
      wire
        .call(Produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
        .then(({ responses }) => responses[0]!.partitionResponses[0]!.errorCode)
    )
    const fetched = await timed(fetch(wire, topic, [{ partition: 0, offset: 0 }]).then(([found]) => found!.errorCode))
    return [produced, fetched]
  })

const judgeRefusal = async (world: World, name: string, bootstrap: string, topic: string): Promise<void> => {
  const answers = await answered(bootstrap, topic)
  world.report.check(
    `${name}: before the adoption produce and fetch are refused`,
    answers.every(({ code, ms }) => RETRIABLE.has(code) && ms <= SAID_MS),
    answers.map(({ code, ms }) => `${code} after ${seconds(ms)}`).join(", "),
    `retriable, within ${seconds(SAID_MS)}`
  )
}

const judgeCheck = async (world: World, name: string, store: Store, server: Server): Promise<void> => {
  const { code, output } = await store.check(server)
  world.report.check(`${name}: tusk object check --deep`, code === 0, `${code} ${output}`, "0")
}

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
    clients.target = 1
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
    world.ending.add(() => transactions.stop())
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
    world.ending.add(() => transactions.stop())
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

const KEPT = 200

const former: Scenario = {
  name: "objects-former",
  what: "objects in a folder: the standby is promoted and adopts while the former primary lives on, and its broker, which comes back",
  run: async (world) => {
    const name = "objects-former"
    const { report } = world
    const { primary, standby } = await strictPair(world)
    const store = storeOf(world, "former")
    const settings = { ...KEEN, "tusk.object.store": store.url }
    // Nothing is moved to other objects, which would be young.
    const ofFormer = { ...settings, "tusk.object.merge.interval.ms": "3600000" }
    const past = await world.broker({ database: primary.port, settings: ofFormer, env: earlier(2 * DAY_S) })
    await filled(past, "gone", 20)
    const unused = store.paths
    await filled(past, "kept", KEPT)
    const old = await world.broker({ database: primary.port, settings: ofFormer })
    await old.start()
    const formerBootstrap = `127.0.0.1:${old.port}`
    await createTopic(formerBootstrap, "former", 1)
    // Its collector works as long as the objects are its own.
    await deleted(formerBootstrap, "gone")
    await until("the collector takes what is unused", 30_000, () => unused.every((path) => !store.paths.includes(path)))

    await standby.promote()
    await primary.synchronous(undefined)
    const broker = await world.broker({
      database: standby.port,
      settings: { ...settings, "tusk.object.delete.delay.ms": "604800000" }
    })
    broker.spawn()
    const said = await broker.line(ASKS_TO_ADOPT, SAID_MS)
    report.check(
      `${name}: the broker of the promoted one asks for the adoption`,
      said !== undefined,
      `${said !== undefined}`,
      "true"
    )
    const bootstrap = `127.0.0.1:${broker.port}`
    await broker.serves(SAID_MS)
    await judgeRefusal(world, name, bootstrap, "kept")
    const adopted = await store.adopt(standby, "--yes")
    report.check(`${name}: adopt --yes`, adopted.code === 0, `${adopted.code}`, "0")
    const held = store.held()

    // In the former history the topic goes: its objects are unused there, and old.
    const heard = old.lines.length
    const writer = new Writer(formerBootstrap, "former", 0)
    await sleep(500)
    await deleted(formerBootstrap, "kept")
    const stops = await old.line(ASKS_TO_ADOPT, 30_000, heard)
    report.check(`${name}: the former one's broker hears of it`, stops !== undefined, `${stops !== undefined}`, "true")
    report.note(`${name}: batches that it took after the adoption`, `${writer.acknowledged}`)
    const again = old.lines.length
    await old.kill()
    await old.start()
    const comesBack = await old.line(ASKS_TO_ADOPT, SAID_MS, again)
    report.check(`${name}: also when it comes back`, comesBack !== undefined, `${comesBack !== undefined}`, "true")
    const stored = () => primary.number("select count(*) from kafka.batches")
    const before = await stored()
    await sleep(5000)
    const taken = (await stored()) - before
    report.check(`${name}: then it takes none`, taken === 0, `${taken}`, "0")
    const wrote = writer.until(0)
    await old.stop()
    await wrote

    report.none(`${name}: objects that were harmed after the adoption`, store.harmed(held), `0 of ${held.size}`)
    await createTopic(bootstrap, "after", 1)
    const after = new Writer(bootstrap, "after", 0)
    await after.until(KEPT)
    for (const topic of ["kept", "after"]) {
      const reader = new Reader(bootstrap, topic, 0)
      const isRead = await reader.reaches(KEPT, 30_000)
      await reader.stop()
      const figure = isRead ? `${KEPT} batches` : (reader.errors[0] ?? "not in 30 s")
      report.check(`${name}: ${topic} is read, byte for byte`, isRead, figure, "all")
    }
    await judgeCheck(world, name, store, standby)
  }
}

export const objects: ReadonlyArray<Scenario> = [callback, adopt, former]
