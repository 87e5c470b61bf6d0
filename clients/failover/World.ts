import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { Ending } from "../../bench/Ending.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { objectTopics } from "../../bench/kafka/objectTopics.ts"
import { Broker } from "./Broker.ts"
import type { BrokerOptions } from "./Broker.ts"
import { Load } from "./Load.ts"
import type { LoadOptions } from "./Load.ts"
import { Proxy } from "./Proxy.ts"
import type { Report } from "./Report.ts"
import { Server, urlOf } from "./Server.ts"
import type { Installed } from "./Server.ts"
import { Store } from "./Store.ts"

/** What a scenario is made of; all of it goes when the scenario ends. */
export interface Scenario {
  readonly name: string
  /** What happens, in a line. */
  readonly what: string
  /** It needs librdkafka, and is skipped where there is none. */
  readonly rdkafka?: boolean
  readonly run: (world: World) => Promise<void>
}

/** Ports of one run, on loopback: counted up, so that what was stopped finds its own again. */
export class Ports {
  readonly #first: number
  readonly #count: number
  #given = 0

  constructor(first: number, count: number) {
    this.#first = first
    this.#count = count
  }

  async next(): Promise<number> {
    for (let tries = 0; tries < this.#count; tries++) {
      const port = this.#first + (this.#given++ % this.#count)
      if (!(await isTaken(port))) return port
    }
    throw new Error(`no port is free from ${this.#first} on`)
  }
}

/** Whether nobody can listen there: somebody does, or a connection has it as its own port. */
const isTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(true))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)))
  })

export interface BrokerWish extends Partial<Omit<BrokerOptions, "port">> {
  /** The port of Postgres, or of a proxy before it. */
  readonly database?: number
}

/** One scenario's servers, brokers, proxies and load. */
export class World {
  readonly report: Report
  readonly python: string | undefined
  /** How often a scenario does what it does, where it does it more than once. */
  readonly rounds: number | undefined
  readonly ending = new Ending()
  readonly brokers: Array<Broker> = []
  isOver = false
  readonly installed: Installed
  readonly #ports: Ports

  constructor(installed: Installed, ports: Ports, report: Report, python: string | undefined, rounds?: number) {
    this.installed = installed
    this.#ports = ports
    this.report = report
    this.python = python
    this.rounds = rounds
  }

  /** Nothing is begun once the end has: it would outlive it. */
  #begin(): void {
    if (this.isOver) throw new Error("interrupted")
  }

  /** Undoes all that was begun. */
  async end(): Promise<void> {
    this.isOver = true
    await this.ending.run()
  }

  async server(name: string, settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const port = await this.port()
    this.#begin()
    const made = Server.create(this.installed, name, port, settings)
    this.ending.add(async () => (await made.catch(() => undefined))?.remove())
    return made
  }

  /** A server that a backup is restored to (`Server.restored`). */
  async restored(name: string, fill: (folder: string) => Readonly<Record<string, string>>): Promise<Server> {
    const port = await this.port()
    this.#begin()
    const made = Server.restored(this.installed, name, port, fill)
    this.ending.add(async () => (await made.catch(() => undefined))?.remove())
    return made
  }

  async standby(primary: Server, name: string): Promise<Server> {
    const port = await this.port()
    this.#begin()
    const made = primary.standby(name, port)
    this.ending.add(async () => (await made.catch(() => undefined))?.remove())
    return made
  }

  async proxy(target: number): Promise<Proxy> {
    const port = await this.port()
    this.#begin()
    return this.ending.stopping(Proxy.listen(port, target))
  }

  /** The one of `TEST_STORAGE=object`; undefined: topics are in rows. */
  get store(): Store | undefined {
    const url = objectTopics(this.installed.root)["tusk.object.store"]
    return url === undefined ? undefined : new Store(fileURLToPath(url))
  }

  /** A broker that is not started. `TEST_STORAGE=object`: its topics keep their bytes in objects, unless it is told otherwise. */
  async broker({ database, databaseUrl, settings = {}, ...others }: BrokerWish): Promise<Broker> {
    const port = await this.port()
    this.#begin()
    const url = databaseUrl ?? urlOf(database ?? 0)
    const ofObjects = objectTopics(this.installed.root)
    const broker = new Broker({ ...others, settings: { ...ofObjects, ...settings }, port, databaseUrl: url })
    this.brokers.push(broker)
    this.ending.add(() => broker.end())
    return broker
  }

  port(): Promise<number> {
    return this.#ports.next()
  }

  async load(options: LoadOptions): Promise<Load> {
    this.#begin()
    const { python } = this
    const started = Load.start({ python, ...options })
    this.ending.add(async () => (await started.catch(() => undefined))?.abandon())
    return started
  }
}

/** A primary whose commits wait for its standby. */
export const strictPair = async (world: World): Promise<{ readonly primary: Server; readonly standby: Server }> => {
  const primary = await world.server("primary")
  const standby = await world.standby(primary, "standby")
  await primary.synchronous("standby")
  return { primary, standby }
}

/** A row of pg_stat_activity and pg_locks for the session that holds the cluster's lock; undefined where none does. */
export const lockHolder = async (
  server: Server
): Promise<{ readonly pid: number; readonly port: number } | undefined> => {
  const rows = await server.query(
    `select l.pid, a.client_port from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.objid = 1 and l.objsubid = 2
       and l.database = (select oid from pg_database where datname = current_database())`
  )
  const [pid, port] = rows[0] ?? []
  return rows.length === 0 ? undefined : { pid: Number(pid), port: Number(port) }
}

/** Raised each time a broker takes the lock: what no words of a log can hide. */
export const epochOf = (server: Server): Promise<number> => server.number("select epoch from kafka.cluster")

/** Waits for what has to come; an error by its name where it does not. */
export const until = async (what: string, ms: number, holds: () => boolean | Promise<boolean>): Promise<void> => {
  if (!(await holdsWithin(ms, holds))) throw new Error(`not within ${ms / 1000} s: ${what}`)
}
