import { sleep } from "../../../bench/groups/Report.ts"
import { Reader } from "../../objects/Reader.ts"
import { Writer } from "../../objects/Writer.ts"
import { ASKS_TO_ADOPT, deleted, filled, judgeCheck, judgeRefusal, KEEN, SAID_MS, storeOf } from "../Adopting.ts"
import { createTopic } from "../Asking.ts"
import { DAY_S, earlier } from "../earlier.ts"
import { strictPair, until } from "../World.ts"
import type { Scenario } from "../World.ts"

const KEPT = 200

export const former: Scenario = {
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

    // It appends to an object to which both point from now on.
    const writer = new Writer(formerBootstrap, "former", 0)
    await until("it writes", SAID_MS, () => writer.acknowledged >= 20)

    await standby.promote()
    await primary.synchronous(undefined)
    const shared = await standby.number(
      `select count(*) from kafka.batches join kafka.partitions using (partition_id) join kafka.topics using (topic_id)
       where name = 'former' and object_id is not null`
    )
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
    const acknowledged = writer.acknowledged
    await deleted(formerBootstrap, "kept")
    const stops = await old.line(ASKS_TO_ADOPT, 30_000, heard)
    report.check(`${name}: the former one's broker hears of it`, stops !== undefined, `${stops !== undefined}`, "true")
    report.note(`${name}: batches that it took after the adoption`, `${writer.acknowledged - acknowledged}`)
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
    for (const [topic, batches] of [
      ["kept", KEPT],
      ["former", shared],
      ["after", KEPT]
    ] as const) {
      const reader = new Reader(bootstrap, topic, 0)
      const isRead = await reader.reaches(batches, 30_000)
      await reader.stop()
      const figure = isRead ? `${batches} batches` : (reader.errors[0] ?? "not in 30 s")
      report.check(`${name}: ${topic} is read, byte for byte`, isRead && batches > 0, figure, "all")
    }
    await judgeCheck(world, name, store, standby)
  }
}
