import { execFileSync, spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { postgresFolder } from "@tusk/cli/embedded-postgres/Binaries"
import { serverAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import type { ServerAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { tail } from "../../bench/kafka/Program.ts"
import { continueTree, endsWithin, killTree, stopTree } from "./Processes.ts"
import { sql, Sql } from "./Sql.ts"
import type { Rows } from "./Sql.ts"

/** The database that brokers of this suite are given. */
export const DATABASE = "tusk"

export const urlOf = (port: number): string => `postgres://postgres@127.0.0.1:${port}/${DATABASE}?sslmode=disable`

/** Postgres' programs and whom they run as. */
export interface Installed {
  readonly bin: string
  readonly account: ServerAccount | undefined
  /** A folder that `initdb` made and nobody runs on: each server begins as a copy. */
  readonly template: string
  readonly root: string
}

/** What npm installed, or the programs in a folder, ready to run; a string says why they are not there. */
export const installed = (folder?: string): Installed | string => {
  const account = serverAccount()
  if (account instanceof Error) return account.message
  const native = postgresFolder(account)
  if (folder === undefined && native instanceof Error) return native.message
  const bin = folder ?? join(String(native), "bin")
  const missing = ["initdb", "postgres"].find((name) => !existsSync(join(bin, name)))
  if (missing !== undefined) return `${missing} is missing in ${bin}`
  const root = mkdtempSync(join(tmpdir(), "tusk-failover-"))
  if (account !== undefined) chownSync(root, account.uid, account.gid)
  const template = join(root, "template")
  const options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
  execFileSync(join(bin, "initdb"), ["--pgdata", template, ...options], {
    ...identity(account),
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"]
  })
  return { bin, account, template, root }
}

const identity = (account: ServerAccount | undefined) => ({
  env: { ...process.env, LC_ALL: "C" },
  ...(account === undefined ? {} : { uid: account.uid, gid: account.gid })
})

/** Of a running server these are not part of a copy: what is in them is its own, or comes anew. */
const OWN_FILES = new Set(["postmaster.pid", "postmaster.opts", "standby.signal"])
const OWN_FOLDERS = new Set(["pg_wal", "pg_replslot", "pg_stat_tmp", "pg_dynshmem", "pg_notify", "pg_subtrans"])

const copyFolder = (from: string, to: string, account: ServerAccount | undefined, skips: boolean): void => {
  const own = (path: string) => (account === undefined ? undefined : chownSync(path, account.uid, account.gid))
  mkdirSync(to, { mode: 0o700 })
  own(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) {
      copyFolder(source, target, account, skips)
    } else if (!(skips && (OWN_FILES.has(entry.name) || OWN_FOLDERS.has(from.split("/").at(-1)!)))) {
      try {
        copyFileSync(source, target)
        own(target)
      } catch (error) {
        // Temporary files come and go while a server runs.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
      }
    }
  }
}

/** Enough of everything for a broker or two and those who look; durable against the end of processes, not of disks. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  max_connections: "60",
  shared_buffers: "32MB",
  wal_level: "replica",
  wal_keep_size: "512MB",
  hot_standby: "on",
  max_wal_senders: "6",
  wal_receiver_timeout: "0",
  wal_sender_timeout: "0",
  wal_retrieve_retry_interval: "200ms",
  log_min_messages: "warning"
}

/** A Postgres of its own, a child of this process, in a folder of the run's. */
export class Server {
  readonly name: string
  readonly port: number
  readonly folder: string
  readonly #installed: Installed
  #child: ChildProcess | undefined
  #removed = false
  #log = ""

  private constructor(installed: Installed, name: string, port: number) {
    this.#installed = installed
    this.name = name
    this.port = port
    this.folder = join(installed.root, `${name}-${port}`)
  }

  /** A new server that runs, with an empty database for a broker. */
  static async create(
    installed: Installed,
    name: string,
    port: number,
    settings: Readonly<Record<string, string>> = {}
  ): Promise<Server> {
    const server = new Server(installed, name, port)
    copyFolder(installed.template, server.folder, installed.account, false)
    const lines = Object.entries({ ...SETTINGS, ...settings, port: `${port}` })
    appendFileSync(join(server.folder, "postgresql.conf"), lines.map(([key, value]) => `${key}='${value}'\n`).join(""))
    await server.start()
    await server.query(`create database ${DATABASE}`, "postgres")
    return server
  }

  /** A server in a folder that `fill` makes, as a backup is restored; it runs, and takes connections. */
  static async restored(
    installed: Installed,
    name: string,
    port: number,
    fill: (folder: string) => Readonly<Record<string, string>>
  ): Promise<Server> {
    const server = new Server(installed, name, port)
    const lines = Object.entries({ ...fill(server.folder), port: `${port}` })
    appendFileSync(join(server.folder, "postgresql.conf"), lines.map(([key, value]) => `${key}='${value}'\n`).join(""))
    await server.start()
    await server.#until("it takes writes", async () => {
      const [row] = await server.query("select pg_is_in_recovery()")
      return row?.[0] === "f"
    })
    return server
  }

  /** A standby that follows this server, under its name; asynchronous until `synchronous` says otherwise. */
  async standby(name: string, port: number): Promise<Server> {
    const standby = new Server(this.#installed, name, port)
    const session = await Sql.connect({ port: this.port })
    try {
      await session.query("select pg_backup_start('copy', true)")
      copyFolder(this.folder, standby.folder, this.#installed.account, true)
      const [stopped] = await session.query("select labelfile from pg_backup_stop(false)")
      writeFileSync(join(standby.folder, "backup_label"), stopped![0]!)
    } finally {
      session.close()
    }
    writeFileSync(join(standby.folder, "standby.signal"), "")
    const { account } = this.#installed
    if (account !== undefined)
      for (const file of ["backup_label", "standby.signal"])
        chownSync(join(standby.folder, file), account.uid, account.gid)
    const conninfo = `host=127.0.0.1 port=${this.port} user=postgres application_name=${name}`
    appendFileSync(
      join(standby.folder, "postgresql.conf"),
      `port='${port}'\nprimary_conninfo='${conninfo}'\nsynchronous_standby_names=''\n`
    )
    await standby.start()
    await this.#until(`${name} streams`, async () =>
      (await this.query(`select state from pg_stat_replication where application_name = '${name}'`)).some(
        ([state]) => state === "streaming"
      )
    )
    return standby
  }

  /** Commits wait for the standby of this name from now on; without a name for none. */
  async synchronous(name: string | undefined): Promise<void> {
    await this.set("synchronous_standby_names", name ?? "")
    if (name === undefined || name === "nobody") return
    await this.#until(`${name} is synchronous`, async () =>
      (await this.query(`select sync_state from pg_stat_replication where application_name = '${name}'`)).some(
        ([state]) => state === "sync"
      )
    )
  }

  async set(name: string, value: string): Promise<void> {
    await this.query(`alter system set ${name} = '${value}'`)
    await this.query("select pg_reload_conf()")
  }

  /** This standby receives nothing from now on. */
  async cutReceiver(): Promise<void> {
    await this.set("primary_conninfo", "")
    await this.#until("the receiver is gone", async () => (await this.query("table pg_stat_wal_receiver")).length === 0)
  }

  /** Makes a standby the primary; returns when it takes writes. */
  async promote(): Promise<void> {
    await this.query("select pg_promote(true, 30)")
    await this.#until("it takes writes", async () => {
      const [row] = await this.query("select pg_is_in_recovery()")
      return row?.[0] === "f"
    })
  }

  async start(): Promise<void> {
    if (this.#removed) throw new Error(`${this.name} is removed`)
    this.#log = ""
    const child = spawn(join(this.#installed.bin, "postgres"), ["-D", this.folder], {
      ...identity(this.#installed.account),
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"]
    })
    this.#child = child
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#log = (this.#log + text).slice(-20_000)))
    await this.#until("it takes connections", async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${this.name}: ${tail(this.#log, 4)}`)
      return (await this.query("select 1", "postgres").catch(() => [])).length === 1
    })
  }

  get #pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.name} does not run`)
    return pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it said since its start, the end of it. */
  get log(): string {
    return this.#log
  }

  /** SIGKILL to the postmaster and all its children. */
  async kill(): Promise<void> {
    if (!this.isRunning) return
    await killTree(this.#pid)
    await endsWithin(this.#child!, 5000)
  }

  /** SIGQUIT: as `pg_ctl stop -m immediate`. */
  async stopImmediate(): Promise<void> {
    if (!this.isRunning) return
    continueTree(this.#pid)
    this.#child!.kill("SIGQUIT")
    if (!(await endsWithin(this.#child!, 10_000))) await this.kill()
  }

  /** All its processes stand still. */
  pause(): void {
    stopTree(this.#pid)
  }

  resume(): void {
    continueTree(this.#pid)
  }

  query(text: string, database = DATABASE, timeoutMs = 30_000): Promise<Rows> {
    return sql({ port: this.port, database, timeoutMs }, text)
  }

  /** The first value of the first row, as a number. */
  async number(text: string): Promise<number> {
    return Number((await this.query(text))[0]?.[0])
  }

  async remove(): Promise<void> {
    this.#removed = true
    await this.stopImmediate()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    if (!(await holdsWithin(30_000, holds, 10))) throw new Error(`${this.name}: not after 30 s: ${what}\n${this.#log}`)
  }
}
