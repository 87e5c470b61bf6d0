import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { sleep } from "../../../bench/groups/Report.ts"
import { Wire } from "../../../bench/groups/Wire.ts"
import { createTopic, fetch, listOffset, LATEST, within } from "../Asking.ts"
import type { Broker } from "../Broker.ts"
import { judge, seconds } from "../Judging.ts"
import type { Load } from "../Load.ts"
import type { Proxy } from "../Proxy.ts"
import type { Server } from "../Server.ts"
import type { Scenario, World } from "../World.ts"
import { lockHolder, until } from "../World.ts"

/** Within this time another has the lock of a process that stands still. */
const STOPPED_MS = 10_000
/** Clients hear of the new broker, and ask it. */
const CLIENTS_MS = 1000

interface Two {
  readonly server: Server
  readonly first: Broker
  readonly second: Broker
  /** Clients come to whichever broker this leads to. */
  readonly clients: Proxy
  /** Before Postgres, of the first broker alone. */
  readonly database: Proxy
  readonly bootstrap: string
}

const twoBrokers = async (world: World, settings: Readonly<Record<string, string>> = {}): Promise<Two> => {
  const server = await world.server("server")
  const database = await world.proxy(server.port)
  const clients = await world.proxy(0)
  const common = { advertisedPort: clients.port, settings, flags: ["--standby"] }
  const first = await world.broker({ ...common, database: database.port })
  const second = await world.broker({ ...common, database: server.port })
  await first.start()
  clients.target = first.port
  second.spawn()
  await sleep(1500)
  if (second.hasEnded) throw new Error(`a second broker with --standby ended with ${second.ending}: ${second.text()}`)
  return { server, first, second, clients, database, bootstrap: `127.0.0.1:${clients.port}` }
}

/** Waits until another session has the lock; how long that took since `from`. */
const lockMoves = async ({ server }: Two, holder: number, from: number): Promise<number> => {
  await until("another session has the lock", 30_000, async () => {
    const now = await lockHolder(server)
    return now !== undefined && now.pid !== holder
  })
  return Date.now() - from
}

/** Clients are led to the second broker once it answers as the writer. */
const moveClients = async ({ clients, second }: Two): Promise<void> => {
  await second.serves(20_000)
  clients.switchTo(second.port)
}

/**
 * What a broker answers that stood still while another took over: asked before it goes on, and until it ends or has said
 * no for a while. `[what it answered as the writer, how often it refused or hung up]`.
 */
const asksFenced = async (
  broker: Broker,
  load: Load
): Promise<readonly [served: ReadonlyArray<string>, refused: number]> => {
  const served: Array<string> = []
  let refused = 0
  const ask = async (wire: Wire, round: number): Promise<void> => {
    const tried = async (what: string, asked: Promise<string | undefined>) => {
      const answer = await within(wire, 1500, asked).catch(() => undefined)
      if (answer === undefined) refused++
      else served.push(`${what} ${round}: ${answer}`)
    }
    await tried(
      "ListOffsets",
      listOffset(wire, load.topic, 0, LATEST).then((end) => `end ${end}`)
    )
    await tried(
      "Fetch",
      fetch(wire, load.topic, [{ partition: 0, offset: 0 }]).then(([one]) =>
        one?.errorCode === 0 ? `high watermark ${one.highWatermark}` : undefined
      )
    )
    await tried("Produce", produced(wire, load.topic, Buffer.from(`zombie:${round}`)))
  }
  // Connected while it stands still: the kernel takes connections for it, and keeps what they say.
  const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.connect(`127.0.0.1:${broker.port}`, "fenced")))
  const asked = wires.map((wire, i) => ask(wire, i))
  await sleep(200)
  broker.resume()
  await Promise.all(asked)
  for (const wire of wires) wire.close()
  for (let round = 4; round < 8 && !broker.hasEnded; round++) {
    const wire = await Wire.connect(`127.0.0.1:${broker.port}`, "fenced").catch(() => undefined)
    if (wire === undefined) refused++
    else await ask(wire, round)
    wire?.close()
    await sleep(400)
  }
  return [served, refused]
}

/** The offset in words; undefined where it was refused. */
const produced = async (wire: Wire, name: string, value: Buffer): Promise<string | undefined> => {
  const records = RecordBatch.encodeBatch([{ timestamp: BigInt(Date.now()), key: null, value }])
  const answer = await wire.call(Produce, 9, {
    acks: -1,
    timeoutMs: 3000,
    topicData: [{ name, partitionData: [{ index: 0, records }] }]
  })
  const one = answer.responses[0]!.partitionResponses[0]!
  return one.errorCode === 0 ? `offset ${one.baseOffset}` : undefined
}

const judgeFenced = async (world: World, name: string, two: Two, load: Load): Promise<void> => {
  const [served, refused] = await asksFenced(two.first, load)
  world.report.none(`${name}: answered as the writer by the one that stood still`, served)
  world.report.note(`${name}: refused by it`, `${refused} requests`)
  const holder = await lockHolder(two.server)
  await sleep(3000)
  const still = await lockHolder(two.server)
  const how = two.first.hasEnded ? `ended with ${two.first.ending}` : "goes on"
  world.report.check(
    `${name}: it ends or stands by`,
    still?.pid === holder?.pid && still !== undefined,
    `${how}; the lock is ${still?.pid === holder?.pid ? "the other's" : "fought for"}`,
    "the lock stays where it is"
  )
}

const stoppedBroker: Scenario = {
  name: "stopped-broker",
  what: "SIGSTOP of the broker while a second one waits with --standby; later SIGCONT (H6)",
  run: async (world) => {
    const name = "stopped-broker"
    const two = await twoBrokers(world)
    const load = await world.load({ bootstrap: two.bootstrap, timeoutMs: 5000 })
    await load.flows()
    const holder = (await lockHolder(two.server))!.pid
    const from = Date.now()
    two.first.pause()
    const took = await lockMoves(two, holder, from)
    world.report.check(`${name}: the other has the lock`, took <= STOPPED_MS, seconds(took), "at most 10 s")
    await moveClients(two)
    await sleep(3000)
    await judgeFenced(world, name, two, load)
    const pause = { from, most: STOPPED_MS + CLIENTS_MS, bar: "10 s, and 1 s for clients to move" }
    await judge(world.report, name, load, { pause })
  }
}

const BIG = 8 << 20

const stoppedInCommit: Scenario = {
  name: "stopped-in-commit",
  what: "SIGSTOP of the broker when half of an 8 MiB commit has reached Postgres; --standby takes over (H6)",
  run: async (world) => {
    const name = "stopped-in-commit"
    const two = await twoBrokers(world, { "message.max.bytes": "20000000", "socket.request.max.bytes": "50000000" })
    // Its bytes have to go to Postgres, whatever the others do.
    await createTopic(two.bootstrap, "big", 1, { "tusk.storage": "row" })
    const load = await world.load({ bootstrap: two.bootstrap, timeoutMs: 5000 })
    await load.flows()
    const holder = (await lockHolder(two.server))!.pid
    const held = two.database.holdAfter(BIG / 2)
    const wire = await Wire.connect(`127.0.0.1:${two.first.port}`, "big")
    const answered = produced(wire, "big", Buffer.alloc(BIG, "x")).catch(() => undefined)
    await held
    const from = Date.now()
    two.first.pause()
    const took = await lockMoves(two, holder, from)
    world.report.check(`${name}: the other has the lock`, took <= STOPPED_MS, seconds(took), "at most 10 s")
    await moveClients(two)
    await sleep(3000)
    two.database.release()
    await judgeFenced(world, name, two, load)
    const answer = await answered
    wire.close()
    const stored = await two.server.number("select count(*) from kafka.batches where octet_length(data) > 8000000")
    world.report.check(
      `${name}: the half-sent batch`,
      answer === undefined ? stored === 0 : stored === 1,
      `answered ${answer ?? "no"}, stored ${stored} times`,
      "not stored, and not acknowledged"
    )
    const pause = { from, most: STOPPED_MS + CLIENTS_MS, bar: "10 s, and 1 s for clients to move" }
    await judge(world.report, name, load, { pause })
  }
}

export const stopped: ReadonlyArray<Scenario> = [stoppedBroker, stoppedInCommit]
