import { sleep } from "../../../bench/groups/Report.ts"
import { Wire } from "../../../bench/groups/Wire.ts"
import { createTopic, fetch, within } from "../Asking.ts"
import { judge, seconds } from "../Judging.ts"
import { Sql } from "../Sql.ts"
import { DATABASE } from "../Server.ts"
import type { Scenario, World } from "../World.ts"
import { lockHolder, until } from "../World.ts"

/** A broker that cannot prove that it is the writer serves no read after this time. */
const PROOF_MS = 5000
/** Between two looks of ours, and the way of an answer. */
const LOOK_MS = 400

/** Reads again and again; knows when it was served last. */
class Reading {
  servedAt = 0
  #stopping = false
  readonly #ended: Promise<void>

  constructor(bootstrap: string, topic: string) {
    this.#ended = this.#live(bootstrap, topic)
  }

  async #live(bootstrap: string, topic: string): Promise<void> {
    let wire: Wire | undefined
    while (!this.#stopping) {
      try {
        if (wire === undefined || wire.isClosed) wire = await Wire.connect(bootstrap, "reading")
        const [answer] = await within(wire, 1000, fetch(wire, topic, [{ partition: 0, offset: 0 }], 0))
        if (answer?.errorCode === 0) this.servedAt = Date.now()
      } catch {
        // Refused, late or closed: not served.
      }
      await sleep(50)
    }
    wire?.close()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }
}

/** The primary's synchronous standby is promoted elsewhere; the primary does not know, and its broker neither. */
const alone = async (world: World, name: string, busy: boolean): Promise<void> => {
  const primary = await world.server("primary")
  const standby = await world.standby(primary, "standby")
  await primary.synchronous("standby")
  const broker = await world.broker({ database: primary.port })
  await broker.start()
  const bootstrap = `127.0.0.1:${broker.port}`
  await createTopic(bootstrap, "read", 1)
  const load = busy
    ? await world.load({ bootstrap, idempotent: 1, plain: 0, consumers: 0, python: undefined })
    : undefined
  await load?.flows()
  const reading = await world.ending.stopping(Promise.resolve(new Reading(bootstrap, "read")))
  await until("reads are served", 5000, () => reading.servedAt > 0)
  const from = Date.now()
  await standby.promote()
  await sleep(PROOF_MS + 6000)
  const served = reading.servedAt - from
  const most = PROOF_MS + LOOK_MS
  world.report.check(
    `${name}: last read served`,
    served <= most,
    `${seconds(served)} after`,
    `at most ${seconds(most)}`
  )
  // The operator says that there is no standby any more: all goes on.
  await primary.synchronous(undefined)
  const resumed = Date.now()
  await until("reads are served again", 10_000, () => reading.servedAt > resumed)
  await reading.stop()
  if (load === undefined) return
  const pause = { from, most: resumed - from + 3000, bar: "until there is no standby to wait for, + 3 s" }
  await judge(world.report, name, load, { pause })
}

const alonePrimary: Scenario = {
  name: "lone-primary",
  what: "an old primary lives on while its synchronous standby is the new one, nobody writes: who reads? (H5)",
  run: (world) => alone(world, "lone-primary", false)
}

const alonePrimaryBusy: Scenario = {
  name: "lone-primary-busy",
  what: "the same while a producer writes",
  run: (world) => alone(world, "lone-primary-busy", true)
}

/** Reads may be under way, and a look of ours. */
const AT_ONCE_MS = 300

const superseded: Scenario = {
  name: "superseded-reads",
  what: "the writer's session ends and another has the lock: reads stop at once (H5)",
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "read", 1)
    const reading = await world.ending.stopping(Promise.resolve(new Reading(bootstrap, "read")))
    let longest = 0
    for (let round = 0; round < 6; round++) {
      const began = Date.now()
      await until("reads are served", 10_000, () => reading.servedAt > began)
      // Of a second, in which a watch that looks once a second would have looked.
      await sleep(300 + round * 150)
      const other = await Sql.connect({ port: server.port, database: DATABASE })
      const { classid, objid } = await lockIds(other)
      const taken = other.query(`select pg_advisory_lock(${classid}, ${objid})`)
      const holder = await lockHolder(server)
      await server.query(`select pg_terminate_backend(${holder!.pid})`)
      await taken
      const from = Date.now()
      await sleep(1500)
      longest = Math.max(longest, reading.servedAt - from)
      other.close()
    }
    const most = `at most ${seconds(AT_ONCE_MS)}`
    world.report.check("superseded-reads: last read served", longest <= AT_ONCE_MS, `${seconds(longest)} after`, most)
    await reading.stop()
  }
}

/** The two numbers of the cluster's lock. */
const lockIds = async (session: Sql): Promise<{ readonly classid: string; readonly objid: string }> => {
  const [row] = await session.query(
    `select classid, objid from pg_locks where locktype = 'advisory' and granted and objid = 1 and objsubid = 2
       and database = (select oid from pg_database where datname = current_database())`
  )
  return { classid: row![0]!, objid: row![1]! }
}

export const reads: ReadonlyArray<Scenario> = [alonePrimary, alonePrimaryBusy, superseded]
