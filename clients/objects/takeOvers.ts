/** Two brokers on one Postgres, objects in a folder: the one that serves is killed amid appends, and the other takes over. */
import { join } from "node:path"
import { sleep } from "../../bench/groups/Report.ts"
import type { Broker } from "../failover/Broker.ts"
import { DAY_S, earlier } from "../failover/earlier.ts"
import type { Proxy } from "../failover/Proxy.ts"
import type { Server } from "../failover/Server.ts"
import { epochOf, until } from "../failover/World.ts"
import type { Scenario, World } from "../failover/World.ts"
import { deleteBefore, halves, readAgain, written } from "./BothTopics.ts"
import { randomOf, seedOf } from "./FaultyS3.ts"
import { checked, Objects } from "./Objects.ts"

/** So many of three kills come while the two write; the others while what was written is merged and removed, too. */
const WRITING = 2 / 3
const SETTINGS = {
  "tusk.object.delete.delay.ms": "1000",
  "tusk.object.collect.interval.ms": "1000",
  "tusk.object.merge.interval.ms": "1000"
}

/** One serves, the other waits; clients come to whichever serves. */
class Pair {
  #serving: Broker
  #waiting: Broker
  readonly #server: Server
  readonly #clients: Proxy

  private constructor(server: Server, clients: Proxy, brokers: readonly [Broker, Broker]) {
    this.#server = server
    this.#clients = clients
    const [serving, waiting] = brokers
    this.#serving = serving
    this.#waiting = waiting
  }

  static async start(
    world: World,
    server: Server,
    clients: Proxy,
    settings: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>> = {}
  ): Promise<Pair> {
    const wish = { database: server.port, advertisedPort: clients.port, settings, env, flags: ["--standby"] }
    const pair = new Pair(server, clients, [await world.broker(wish), await world.broker(wish)])
    await pair.#serving.start()
    clients.switchTo(pair.#serving.port)
    pair.#waiting.spawn()
    return pair
  }

  /** The one that serves is killed; the other has the lock then, and the killed one waits for the next time. */
  async takeOver(): Promise<void> {
    const epoch = await epochOf(this.#server)
    await this.#serving.kill()
    await until("the other broker takes over", 30_000, async () => (await epochOf(this.#server)) > epoch)
    const killed = this.#serving
    this.#serving = this.#waiting
    this.#waiting = killed
    await this.#serving.serves(20_000)
    this.#clients.switchTo(this.#serving.port)
    killed.spawn()
  }

  async stop(): Promise<void> {
    await this.#waiting.stop()
    await this.#serving.stop()
  }
}

export const takeOvers = (rounds: number): Scenario => ({
  name: "take-overs",
  what: "two brokers, objects that grow in a folder; the one that serves is killed amid appends, and the other takes over",
  run: async (world) => {
    const { report } = world
    const server = await world.server("postgres")
    const clients = await world.proxy(0)
    const url = `file://${join(world.installed.root, "taken-over")}`
    const settings = { ...SETTINGS, "tusk.object.store": url }
    const objects = await Objects.open(world.ending, url, server)
    const bootstrap = `127.0.0.1:${clients.port}`
    const random = randomOf(seedOf())
    const kill = async (pair: Pair, times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        await sleep(100 + random() * 2500)
        await pair.takeOver()
      }
    }
    const writing = Math.ceil(rounds * WRITING)
    const past = await Pair.start(world, server, clients, settings, earlier(2 * DAY_S))
    const ends = await written(report, bootstrap, () => kill(past, writing))
    await past.stop()
    const before = (await objects.names()).length

    // What is old now is merged and taken away.
    const pair = await Pair.start(world, server, clients, settings)
    const places = halves(ends)
    await deleteBefore(bootstrap, places)
    await kill(pair, rounds - writing)
    const isClean = await objects.becomeClean(120_000)
    const { lost, orphans, young } = await objects.differences()
    const after = (await objects.names()).length
    report.note("objects", `${before}; ${after} after the collector, ${young.length} of merges that were cut off`)
    report.none("objects that no row tells of", orphans)
    report.none("rows whose object is not there", lost)
    report.check("objects were taken away", isClean && after < before, `${before - after}`, "some")
    await readAgain(report, bootstrap, places, ends)
    const { code, output } = await checked(server, url)
    report.check(`tusk object check --deep after ${rounds} kills`, code === 0, `${code} ${output}`, "0")
  }
})
