import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { SpawnOptions } from "node:child_process"
import { createHash } from "node:crypto"
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CliError } from "../CliError.ts"
import { postgresFolder } from "./Binaries.ts"
import { isReachable, serverAccount } from "./ServerAccount.ts"
import type { ServerAccount } from "./ServerAccount.ts"

/** A real Postgres of Tusk's own: a data directory, a unix socket in a folder of its own, no port, fsync on. */
export interface EmbeddedPostgres {
  readonly socketDirectory: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly pid: number
  /** It ran already: another Tusk serves from it, or one was killed and left it behind. */
  readonly adopted: boolean
  /** From now on the server is ours to stop, adopted or not. */
  readonly own: () => void
}

const USER = "postgres"
const DATABASE = "postgres"
/** Part of the socket's name only. */
const PORT = 5432
/** A unix socket's path has at most 107 bytes. */
const MAX_SOCKET_PATH = 107

/** Few connections, little memory, and WAL that is not recycled all the time. Durability is as Postgres ships it: on. */
const SETTINGS = {
  listen_addresses: "",
  max_connections: "40",
  shared_buffers: "48MB",
  wal_buffers: "16MB",
  max_wal_size: "2GB",
  min_wal_size: "256MB",
  checkpoint_timeout: "10min",
  jit: "off",
  max_parallel_workers_per_gather: "0",
  log_checkpoints: "off",
  wal_compression: "off"
}

interface Place {
  readonly native: string
  readonly account: ServerAccount | undefined
  readonly data: string
  readonly log: string
  readonly socketDirectory: string
}

/** Starts the server, making its data directory first where there is none; stops it when the scope closes. */
export const start = (dataDir: string): Effect.Effect<EmbeddedPostgres, CliError, Scope.Scope> =>
  Effect.gen(function* () {
    const place = yield* attempt(() => prepare(dataDir))
    if (!existsSync(join(place.data, "PG_VERSION"))) yield* initialise(place)
    yield* checkVersion(place)
    let owned = false
    const server = yield* Effect.acquireRelease(launch(place), () =>
      Effect.suspend(() => (owned ? Effect.ignore(stop(place)) : Effect.void))
    )
    owned = !server.adopted
    return {
      ...server,
      own: () => {
        owned = true
      }
    }
  })

const attempt = <A>(run: () => A | CliError): Effect.Effect<Exclude<A, CliError>, CliError> =>
  Effect.suspend(() => {
    try {
      const value = run()
      return value instanceof CliError ? Effect.fail(value) : Effect.succeed(value as Exclude<A, CliError>)
    } catch (error) {
      return Effect.fail(new CliError({ message: `embedded Postgres: ${(error as Error).message}` }))
    }
  })

const prepare = (dataDir: string): Place | CliError => {
  const account = serverAccount()
  if (account instanceof CliError) return account
  mkdirSync(dataDir, { recursive: true })
  if (account !== undefined && !isReachable(dataDir, account)) {
    return new CliError({
      message: `Postgres does not run as root, and the account ${account.name} may not enter ${dataDir}: give another --data-dir, such as /var/lib/tusk`
    })
  }
  const native = postgresFolder(account)
  if (native instanceof CliError) return native
  const own = (folder: string) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (account !== undefined) chownSync(folder, account.uid, account.gid)
    return folder
  }
  const near = join(dataDir, "run")
  const short = join(tmpdir(), `tusk-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`)
  const socketDirectory = own(Buffer.byteLength(join(near, `.s.PGSQL.${PORT}`)) <= MAX_SOCKET_PATH ? near : short)
  const logs = own(join(dataDir, "log"))
  return { native, account, data: own(join(dataDir, "postgres")), log: join(logs, "postgres.log"), socketDirectory }
}

/** Runs one of Postgres' programs to its end; fails with the last line it wrote. */
const run = (place: Place, program: string, args: ReadonlyArray<string>): Effect.Effect<void, CliError> =>
  Effect.callback((resume) => {
    const { account, data, native } = place
    const options: SpawnOptions = {
      cwd: data,
      env: { ...process.env, LC_ALL: "C", PGDATA: data },
      stdio: ["ignore", "ignore", "pipe"],
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid })
    }
    let text = ""
    const child = spawn(join(native, "bin", program), [...args], options)
    child.stderr!.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-4096)
    })
    const fail = (why: string) =>
      resume(Effect.fail(new CliError({ message: `embedded Postgres: ${program}: ${why}` })))
    child.once("error", (error) => fail(error.message))
    child.once("exit", (code) => {
      if (code === 0) return resume(Effect.void)
      fail(text.trim().split("\n").pop() ?? `exit code ${code}`)
    })
  })

const initialise = (place: Place): Effect.Effect<void, CliError> =>
  run(place, "initdb", [
    `--pgdata=${place.data}`,
    `--username=${USER}`,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions"
  ])

const checkVersion = (place: Place): Effect.Effect<void, CliError> =>
  attempt(() => {
    const found = readFileSync(join(place.data, "PG_VERSION"), "utf8").trim()
    return found === MAJOR_VERSION
      ? undefined
      : new CliError({
          message: `${place.data} was made by Postgres ${found}, this Tusk brings ${MAJOR_VERSION}: upgrade it with pg_upgrade, or start it with that Postgres and give --database-url`
        })
  })

const MAJOR_VERSION = "18"

type Launched = Omit<EmbeddedPostgres, "own">

const launch = (place: Place): Effect.Effect<Launched, CliError> =>
  Effect.gen(function* () {
    const running = readPidFile(place.data)
    if (running !== undefined && isAlive(running.pid)) {
      return { ...running, user: USER, database: DATABASE, adopted: true }
    }
    const settings = { ...SETTINGS, unix_socket_directories: place.socketDirectory }
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
    // pg_ctl detaches it: Ctrl-C in the terminal is for Tusk, which stops Postgres when it is done itself.
    yield* run(place, "pg_ctl", [
      "start",
      "--wait",
      "--timeout=60",
      `--log=${place.log}`,
      "-o",
      options.join(" ")
    ]).pipe(Effect.mapError((error) => new CliError({ message: `${error.message}; ${place.log} says why` })))
    const server = readPidFile(place.data)
    if (server === undefined) {
      return yield* Effect.fail(new CliError({ message: `embedded Postgres ended at once; ${place.log} says why` }))
    }
    return { ...server, user: USER, database: DATABASE, adopted: false }
  })

const stop = (place: Place): Effect.Effect<void, CliError> =>
  Effect.andThen(
    run(place, "pg_ctl", ["stop", "--wait", "--timeout=60", "--mode=fast"]),
    Effect.sync(() => rmSync(place.socketDirectory, { recursive: true, force: true }))
  )

/** What a server writes about itself: its process, and where its socket is. */
const readPidFile = (
  data: string
): { readonly pid: number; readonly port: number; readonly socketDirectory: string } | undefined => {
  let lines: ReadonlyArray<string>
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")
  } catch {
    return undefined
  }
  const pid = Number(lines[0])
  const socketDirectory = lines[4]?.trim()
  return pid > 0 && socketDirectory ? { pid, port: Number(lines[3]), socketDirectory } : undefined
}

/** Whether the process is there and a Postgres: after a reboot the number may be another's. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres")
  } catch {
    // No /proc on this system: the number is all there is.
    return process.platform !== "linux"
  }
}
