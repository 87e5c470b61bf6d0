import { spawn } from "node:child_process"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { holdsWithin, sleep } from "../../../bench/groups/Report.ts"
import { Wire } from "../../../bench/groups/Wire.ts"
import { createTopic, within } from "../Asking.ts"
import { judge, seconds } from "../Judging.ts"
import { rdkafkaBursts } from "../Rdkafka.ts"
import type { Scenario, World } from "../World.ts"
import { epochOf, lockHolder, until } from "../World.ts"

/** What may come on top of a stall. */
const AFTER_MS = 3000

/** A process that wants a core for itself. */
const busyLoop = (world: World): void => {
  const child = spawn(process.execPath, ["-e", "for (;;) {}"], { stdio: "ignore" })
  world.ending.add(() => child.kill("SIGKILL"))
}

const STALLS_MS = [7000, 9500]

const synchronousAway: Scenario = {
  name: "sync-away",
  what: "the synchronous standby is away for seconds under idempotent producers, beside a busy loop (H2)",
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    busyLoop(world)
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}`, plain: 1 })
    await load.flows()
    const rounds = world.rounds ?? STALLS_MS.length
    for (let round = 0; round < rounds; round++) {
      const stall = STALLS_MS[round % STALLS_MS.length]!
      const from = Date.now()
      await server.synchronous("nobody")
      await sleep(stall)
      await server.synchronous(undefined)
      const ended = Date.now()
      await sleep(4000)
      const longest = load.history.longestPause(from, Date.now())
      const most = ended - from + AFTER_MS
      world.report.check(
        `sync-away ${round + 1}: longest pause`,
        longest.ms <= most,
        `${seconds(longest.ms)}, ${longest.client}`,
        `at most the stall of ${seconds(ended - from)} + 3 s`
      )
    }
    const pause = { from: load.startedAt, most: Math.max(...STALLS_MS) + 500 + AFTER_MS, bar: "a stall + 3 s" }
    await judge(world.report, "sync-away", load, { pause })
  }
}

const SWEEP_MS = [30, 50, 70, 90, 110]
/** How long a broker is waited for that might give up a commit that stalls. */
const GIVES_UP_MS = 8000
const SILENT_MS = 2000

const lossSweep: Scenario = {
  name: "loss-sweep",
  what: "a stall ends 30 to 110 ms after the broker gave its session up, or lost it: who is never answered? (H1)",
  run: async (world) => {
    const { report } = world
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    const { history } = load
    await load.flows()
    let givesUp = true
    for (const x of Array.from({ length: world.rounds ?? 1 }, () => SWEEP_MS).flat()) {
      const at = broker.lines.length
      const epoch = await epochOf(server)
      await server.synchronous("nobody")
      if (givesUp) givesUp = (await broker.line(/a commit failed/, GIVES_UP_MS, at)) !== undefined
      else await sleep(500)
      // One that waits for the standby for as long as it takes has its session taken.
      if (!givesUp) await server.query(`select pg_terminate_backend(${(await lockHolder(server))!.pid})`)
      await sleep(x)
      await server.synchronous(undefined)
      const held = await holdsWithin(20_000, async () => (await epochOf(server)) > epoch)
      await sleep(4000)
      const silent = history.producers.filter((client) => history.silence(client) > SILENT_MS)
      const how = givesUp ? "after it gave up" : "after its session was ended"
      report.check(
        `loss-sweep: ${x} ms ${how}`,
        held && silent.length === 0,
        !held ? "the lock is not held again" : `${silent.length} silent: ${silent.join(" ")}`,
        "none is silent for more than 2 s, 4 s later"
      )
    }
    await judge(report, "loss-sweep", load, { pause: { from: load.startedAt, most: 30_000, bar: "all end" } })
  }
}

const BURSTS = 4000

const bursts: Scenario = {
  name: "bursts",
  what: `${BURSTS} bursts of librdkafka beside a refresh of metadata each 10 ms (H1)`,
  rdkafka: true,
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "bursts", 1)
    const { bursts, left, longest, slow } = await rdkafkaBursts(world.python!, bootstrap, "bursts", BURSTS)
    world.report.check(
      "bursts: over 1 s",
      slow === 0 && left === 0 && bursts === BURSTS,
      `${slow} of ${bursts}, the longest ${longest.toFixed(2)} s, ${left} records without an answer`,
      "0"
    )
  }
}

const PIECES = 1000

const pipelined: Scenario = {
  name: "pipelined",
  what: `Produce, Metadata, Produce without waiting, ${PIECES} times, by a client of our own (H1)`,
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "pieces", 1)
    let longest = 0
    let unanswered = 0
    let wire = await Wire.connect(bootstrap, "pieces")
    for (let n = 0; n < PIECES && unanswered < 3; n++) {
      const began = performance.now()
      const asked = Promise.all([produce(wire, n), wire.call(Metadata, 12, { topics: [] }), produce(wire, n)])
      const done = await within(wire, 5000, asked).catch(() => undefined)
      longest = Math.max(longest, performance.now() - began)
      if (done !== undefined) continue
      unanswered++
      wire = await Wire.connect(bootstrap, "pieces")
    }
    wire.close()
    const figure = `${unanswered} without an answer, the longest ${seconds(longest)}`
    world.report.check("pipelined: over 1 s", unanswered === 0 && longest <= 1000, figure, "0")
    const began = performance.now()
    const took = await broker.stop()
    world.report.check("pipelined: a stop", took <= 5000, seconds(performance.now() - began), "at most 5 s")
  }
}

const produce = (wire: Wire, n: number) =>
  wire.call(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      {
        name: "pieces",
        partitionData: [{ index: 0, records: RecordBatch.encodeBatch([{ key: null, value: Buffer.from(`${n}`) }]) }]
      }
    ]
  })

const FROZEN_MS = 9000

const frozenBackend: Scenario = {
  name: "frozen-database",
  what: `all of Postgres stands still for ${FROZEN_MS / 1000} s (SIGSTOP, SIGCONT)`,
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}` })
    await load.flows()
    const from = Date.now()
    server.pause()
    await sleep(FROZEN_MS)
    server.resume()
    await until("it answers", 10_000, async () => (await server.query("select 1")).length === 1)
    await sleep(4000)
    const pause = { from, most: FROZEN_MS + AFTER_MS, bar: "the standstill + 3 s" }
    await judge(world.report, "frozen-database", load, { pause })
  }
}

export const stalls: ReadonlyArray<Scenario> = [synchronousAway, lossSweep, frozenBackend, bursts, pipelined]
