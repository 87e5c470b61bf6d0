import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { SpawnOptions } from "node:child_process"
import { createHash } from "node:crypto"
import { chownSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CliError } from "../CliError.ts"
import { causeOf, folderProblem, refusedBySystem } from "./DataFolder.ts"
import { postgresFolder } from "./Binaries.ts"
import { isReachable, serverAccount } from "./ServerAccount.ts"
import type { ServerAccount } from "./ServerAccount.ts"
import type { ServerProcess } from "./ServerProcess.ts"
import { isAlive, lastLines, logBytes, readPidFile, removeStaleLocks } from "./ServerProcess.ts"
import { keepRunning } from "./keepRunning.ts"
import { otherMajor } from "./OtherMajor.ts"
import { keepBounded } from "./ServerLog.ts"

/** A real Postgres of Tusk's own: a data directory, a unix socket in a folder of its own, no port, fsync on. */
export interface EmbeddedPostgres {
  readonly socketDirectory: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Its process; another one after `watch` has started it again. */
  readonly pid: number
  /** From now on it is ours to stop the server, even if it ran already, left behind by a Tusk that was killed. */
  readonly own: () => void
  /** Starts it again when it has ended; fails if that does not help. Its log stays bounded. See `keepRunning`, `keepBounded`. */
  readonly watch: Effect.Effect<never, CliError>
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
  // New WAL files are not written twice; what is flushed is as durable as before.
  wal_init_zero: "off",
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

/** `pg_ctl` returns at once when the server ends. A server that was killed may have minutes of WAL to read before it is ready. */
const START_SECONDS = 600
const STOP_SECONDS = 60

/** Starts the server, and makes its data directory first if there is none; stops the server when the scope closes. */
export const start = (dataDir: string): Effect.Effect<EmbeddedPostgres, CliError, Scope.Scope> =>
  Effect.gen(function* () {
    const place = yield* attempt(() => prepare(dataDir))
    if (!existsSync(join(place.data, "PG_VERSION"))) yield* initialise(place)
    let owned = false
    let logFrom = 0
    const begin = Effect.gen(function* () {
      logFrom = logBytes(place.log)
      const launched = yield* launch(place)
      // The Tusk that started it stops it.
      owned = !launched.adopted
      return launched.server
    })
    let running = yield* Effect.acquireRelease(begin, () =>
      Effect.suspend(() => (owned ? Effect.ignore(stop(place)) : Effect.void))
    )
    const { pid, port, socketDirectory } = running
    return {
      socketDirectory,
      port,
      pid,
      user: USER,
      database: DATABASE,
      own: () => {
        owned = true
      },
      watch: Effect.raceFirst(
        keepBounded(place.log),
        keepRunning({
          pid: () => running.pid,
          isAlive: () => isAlive(running.pid, place.data),
          lastLines: () => lastLines(place.log, logFrom),
          // Cut short, it would leave a server behind that is not known of yet.
          startAgain: Effect.uninterruptible(
            Effect.map(begin, (server) => {
              running = server
            })
          )
        })
      )
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
  const problem = otherMajor(dataDir, account) ?? folderProblem(dataDir, account)
  if (problem !== undefined) return problem
  let made: string | undefined
  try {
    made = mkdirSync(dataDir, { recursive: true })
  } catch (error) {
    return refusedBySystem(dataDir, error)
  }
  if (account !== undefined && !isReachable(dataDir, account)) {
    if (made !== undefined) rmSync(made, { recursive: true })
    return new CliError({
      message: `Postgres does not run as root, and the account ${account.name} may not enter ${dataDir}: give another --data-dir, such as /var/lib/tusk`
    })
  }
  const native = postgresFolder(account)
  if (native instanceof CliError) return native
  const own = (folder: string) => ownFolder(folder, account)
  const near = join(dataDir, "run")
  const short = join(tmpdir(), `tusk-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`)
  const socketDirectory = own(Buffer.byteLength(join(near, `.s.PGSQL.${PORT}`)) <= MAX_SOCKET_PATH ? near : short)
  const logs = own(join(dataDir, "log"))
  return { native, account, data: own(join(dataDir, "postgres")), log: join(logs, "postgres.log"), socketDirectory }
}

/** A folder that only Postgres' account may enter. It lies among temporary files: one of another account is refused. */
const ownFolder = (folder: string, account: ServerAccount | undefined): string => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  const mine = [process.getuid?.(), account?.uid, undefined].includes(
    process.getuid === undefined ? undefined : found.uid
  )
  if (!found.isDirectory() || !mine) throw new Error(`${folder} is another account's`)
  if (account !== undefined && found.uid !== account.uid) chownSync(folder, account.uid, account.gid)
  return folder
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
    child.once("close", (code, signal) => {
      if (code === 0) return resume(Effect.void)
      fail(causeOf(text.split("\n").filter((line) => line.trim() !== "")) ?? `ended with ${signal ?? code}`)
    })
    return Effect.sync(() => child.kill())
  })

/** Made beside its place first: a Tusk that ends on the way leaves no half of a data directory. */
const initialise = (place: Place): Effect.Effect<void, CliError> =>
  Effect.suspend(() => {
    const made = `${place.data}.new`
    rmSync(made, { recursive: true, force: true })
    ownFolder(made, place.account)
    return run(place, "initdb", [
      `--pgdata=${made}`,
      `--username=${USER}`,
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions"
    ]).pipe(
      // What was made before the disk was full would keep it full.
      Effect.tapError(() => Effect.sync(() => rmSync(made, { recursive: true, force: true }))),
      Effect.andThen(attempt(() => renameSync(made, place.data)))
    )
  })

interface Launched {
  readonly server: ServerProcess
  /** It ran already. */
  readonly adopted: boolean
}

const launch = (place: Place): Effect.Effect<Launched, CliError> =>
  Effect.gen(function* () {
    const running = readPidFile(place.data)
    if (running !== undefined && isAlive(running.pid, place.data)) {
      if (running.status === "ready") return { server: running, adopted: true }
      // A Tusk was killed while this server started or stopped: it ends, and starts anew.
      yield* run(place, "pg_ctl", ["stop", "--wait", `--timeout=${STOP_SECONDS}`, "--mode=fast"])
    }
    yield* attempt(() => removeStaleLocks(place.data))
    const logFrom = logBytes(place.log)
    const ended = (why: string) => {
      const last = causeOf(lastLines(place.log, logFrom))
      return new CliError({ message: `${why}${last === undefined ? "" : `: ${last}`}; ${place.log} says more` })
    }
    const settings = { ...SETTINGS, unix_socket_directories: place.socketDirectory }
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
    // pg_ctl detaches it: Ctrl-C in the terminal is for Tusk, which stops Postgres when it is done itself.
    yield* run(place, "pg_ctl", [
      "start",
      "--wait",
      `--timeout=${START_SECONDS}`,
      `--log=${place.log}`,
      "-o",
      options.join(" ")
    ]).pipe(Effect.mapError(({ message }) => ended(message)))
    const server = readPidFile(place.data)
    if (server === undefined) return yield* Effect.fail(ended("embedded Postgres ended at once"))
    return { server, adopted: false }
  })

const stop = (place: Place): Effect.Effect<void, CliError> =>
  Effect.suspend(() => {
    const running = readPidFile(place.data)
    // pg_ctl would send a signal to a killed server all the same, and wait.
    if (running === undefined || !isAlive(running.pid, place.data)) return Effect.void
    return run(place, "pg_ctl", ["stop", "--wait", `--timeout=${STOP_SECONDS}`, "--mode=fast"])
  }).pipe(Effect.andThen(attempt(() => rmSync(place.socketDirectory, { recursive: true, force: true }))))
