import { spawn } from "node:child_process"
import type { ChildProcess, SpawnOptions } from "node:child_process"
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { serverAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import type { ServerAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import { endsWithin, isAlive, killTree, signal } from "./Processes.ts"
import { sql } from "./Sql.ts"
import type { Rows } from "./Sql.ts"
import { until } from "./World.ts"
import type { Ports } from "./World.ts"

/** The programs that a cluster under Patroni is made of, by their paths. */
export interface PatroniPrograms {
  readonly patroni: string
  readonly etcd: string
  readonly haproxy: string
  /** Folder of a whole Postgres: with pg_basebackup and pg_rewind. */
  readonly postgres: string
  readonly account: ServerAccount | undefined
}

const found = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/bin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))

/** The newest of Debian's, or the one in the path. */
const postgresBin = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(":")
  ]
  return folders.find((folder) =>
    ["postgres", "initdb", "pg_ctl", "pg_basebackup", "pg_rewind"].every((name) => existsSync(join(folder, name)))
  )
}

/** The programs; or the name of one that is missing. */
export const patroniPrograms = (): PatroniPrograms | string => {
  const account = serverAccount()
  if (account instanceof Error) return account.message
  const [patroni, etcd, haproxy] = ["patroni", "etcd", "haproxy"].map(found)
  const postgres = postgresBin()
  if (patroni === undefined) return "patroni is missing"
  if (etcd === undefined) return "etcd is missing"
  if (haproxy === undefined) return "haproxy is missing"
  if (postgres === undefined) return "a Postgres with pg_basebackup and pg_rewind is missing"
  return { patroni, etcd, haproxy, postgres, account }
}

interface Node {
  readonly name: string
  readonly rest: number
  readonly port: number
  child: ChildProcess | undefined
}

/** As Patroni's REST API tells of a node; `lag` is of its receiver. */
interface Member {
  readonly name: string
  readonly role: string
  readonly state: string
}

/** One etcd, three nodes of Patroni's, and HAProxy in front of whichever is the primary; all on loopback. */
export class PatroniCluster {
  /** Where HAProxy leads to the primary. */
  readonly port: number
  readonly #programs: PatroniPrograms
  readonly #folder: string
  readonly #etcd: number
  readonly #etcdPeers: number
  readonly #nodes: ReadonlyArray<Node>
  readonly #others: Array<ChildProcess> = []

  private constructor(programs: PatroniPrograms, ports: ReadonlyArray<number>) {
    this.#programs = programs
    this.#folder = mkdtempSync(join(tmpdir(), "tusk-patroni-"))
    this.#own(this.#folder)
    const [port, etcd, etcdPeers, ...rest] = ports
    this.port = port!
    this.#etcd = etcd!
    this.#etcdPeers = etcdPeers!
    this.#nodes = [1, 2, 3].map((n) => ({
      name: `n${n}`,
      rest: rest[2 * n - 2]!,
      port: rest[2 * n - 1]!,
      child: undefined
    }))
  }

  static async make(programs: PatroniPrograms, ports: Ports): Promise<PatroniCluster> {
    const given: Array<number> = []
    while (given.length < 9) given.push(await ports.next())
    return new PatroniCluster(programs, given)
  }

  #own(path: string): void {
    const { account } = this.#programs
    if (account !== undefined) chownSync(path, account.uid, account.gid)
  }

  #spawn(name: string, file: string, args: ReadonlyArray<string>): ChildProcess {
    const { account, postgres } = this.#programs
    const log = openSync(join(this.#folder, `${name}.log`), "a")
    const options: SpawnOptions = {
      cwd: this.#folder,
      env: { PATH: `${postgres}:/usr/bin:/bin`, HOME: this.#folder, LC_ALL: "C" },
      stdio: ["ignore", log, log],
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid })
    }
    const child = spawn(file, args, options)
    closeSync(log)
    return child
  }

  async start(): Promise<void> {
    const [client, peer] = [`http://127.0.0.1:${this.#etcd}`, `http://127.0.0.1:${this.#etcdPeers}`]
    const etcd = ["--name", "e1", "--data-dir", join(this.#folder, "etcd"), "--initial-cluster", `e1=${peer}`]
    const urls = ["listen-client-urls", "advertise-client-urls", "listen-peer-urls", "initial-advertise-peer-urls"]
    etcd.push(...urls.flatMap((name) => [`--${name}`, name.includes("peer") ? peer : client]))
    this.#others.push(this.#spawn("etcd", this.#programs.etcd, etcd))
    await until(
      "etcd answers",
      15_000,
      async () => (await fetch(`${client}/health`).catch(() => undefined))?.ok === true
    )
    writeFileSync(join(this.#folder, "haproxy.cfg"), this.#haproxy())
    this.#others.push(this.#spawn("haproxy", this.#programs.haproxy, ["-db", "-f", join(this.#folder, "haproxy.cfg")]))
    for (const node of this.#nodes) {
      // The first becomes the leader, the others are copies of it.
      this.startNode(node.name)
      if (node === this.#nodes[0]) await this.#led()
    }
    await this.whole()
  }

  #haproxy(): string {
    const servers = this.#nodes.map(({ name, port, rest }) => `  server ${name} 127.0.0.1:${port} check port ${rest}`)
    return `global
  maxconn 200
defaults
  mode tcp
  retries 2
  timeout client 30m
  timeout server 30m
  timeout connect 4s
  timeout check 2s
listen pg
  bind 127.0.0.1:${this.port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join("\n")}
`
  }

  #config({ name, port, rest }: Node): object {
    const address = `127.0.0.1:${port}`
    const user = (username: string) => ({ username, password: username })
    return {
      scope: "tusk",
      namespace: "/service/",
      name,
      restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
      etcd3: { host: `127.0.0.1:${this.#etcd}` },
      bootstrap: {
        dcs: {
          ttl: 10,
          loop_wait: 2,
          retry_timeout: 3,
          maximum_lag_on_failover: 1_048_576,
          synchronous_mode: true,
          postgresql: { use_pg_rewind: true, parameters: PARAMETERS }
        },
        initdb: [{ encoding: "UTF8" }, { locale: "C" }, "data-checksums"],
        pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
      },
      postgresql: {
        listen: address,
        connect_address: address,
        data_dir: this.#data(name),
        bin_dir: this.#programs.postgres,
        pgpass: join(this.#folder, `${name}.pgpass`),
        authentication: { replication: user("repl"), superuser: user("postgres"), rewind: user("rewind") },
        parameters: { unix_socket_directories: this.#folder }
      },
      watchdog: { mode: "off" }
    }
  }

  #data(name: string): string {
    return join(this.#folder, `data-${name}`)
  }

  #node(name: string): Node {
    return this.#nodes.find((node) => node.name === name)!
  }

  startNode(name: string): void {
    const node = this.#node(name)
    // JSON is YAML.
    const file = join(this.#folder, `${name}.yml`)
    writeFileSync(file, JSON.stringify(this.#config(node), undefined, 1))
    mkdirSync(this.#data(name), { recursive: true, mode: 0o700 })
    this.#own(this.#data(name))
    node.child = this.#spawn(name, this.#programs.patroni, [file])
  }

  /** Members as the first node that answers tells them. */
  async members(): Promise<ReadonlyArray<Member>> {
    for (const { rest } of this.#nodes) {
      try {
        const answer = await fetch(`http://127.0.0.1:${rest}/cluster`, { signal: AbortSignal.timeout(2000) })
        return ((await answer.json()) as { readonly members: ReadonlyArray<Member> }).members
      } catch {
        // Dead, or not up yet: the next.
      }
    }
    return []
  }

  async leader(): Promise<string | undefined> {
    return (await this.members()).find(({ role }) => role === "leader")?.name
  }

  #led(): Promise<void> {
    return until(
      "the first node leads",
      60_000,
      async () => (await this.leader()) !== undefined && (await this.writes())
    )
  }

  /** Whether a primary answers behind HAProxy. */
  async writes(): Promise<boolean> {
    const rows = await this.query("select pg_is_in_recovery()", "postgres").catch(() => [])
    return rows[0]?.[0] === "f"
  }

  query(text: string, database: string): Promise<Rows> {
    return sql({ port: this.port, database, timeoutMs: 1000 }, text)
  }

  /** All three are there, one leads, one is its synchronous standby, and HAProxy knows. */
  async whole(): Promise<void> {
    await until("three nodes, one of them synchronous", 120_000, async () => {
      const members = await this.members()
      const follow = members.filter(
        ({ role, state }) => role !== "leader" && (state === "streaming" || state === "running")
      )
      return follow.length === 2 && members.some(({ role }) => role === "sync_standby") && (await this.writes())
    })
  }

  #postmaster(name: string): number | undefined {
    try {
      return Number(readFileSync(join(this.#data(name), "postmaster.pid"), "utf8").split("\n")[0])
    } catch {
      return undefined
    }
  }

  /** The node's machine dies: Patroni and Postgres at one moment. */
  async killNode(name: string): Promise<void> {
    const { child } = this.#node(name)
    const postmaster = this.#postmaster(name)
    if (child?.pid !== undefined) signal(child.pid, "SIGSTOP")
    if (postmaster !== undefined && isAlive(postmaster)) await killTree(postmaster)
    child?.kill("SIGKILL")
    if (child !== undefined) await endsWithin(child, 5000)
  }

  /** Asks Patroni to hand the lead over to another node, in order. */
  async switchover(leader: string): Promise<void> {
    const { rest } = this.#node(leader)
    const answer = await fetch(`http://127.0.0.1:${rest}/switchover`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ leader })
    })
    if (!answer.ok) throw new Error(`switchover: ${answer.status} ${await answer.text()}`)
  }

  async stop(): Promise<void> {
    for (const { child } of this.#nodes) child?.kill("SIGKILL")
    for (const { name } of this.#nodes) await this.killNode(name)
    for (const child of this.#others) {
      child.kill("SIGKILL")
      await endsWithin(child, 5000)
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const PARAMETERS = {
  max_connections: 60,
  shared_buffers: "64MB",
  wal_level: "replica",
  hot_standby: "on",
  max_wal_senders: 8,
  wal_keep_size: "256MB",
  wal_log_hints: "on"
}
