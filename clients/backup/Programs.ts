import { execFile } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import type { Installed, Server } from "../failover/Server.ts"

const NEEDED = ["initdb", "postgres", "pg_dump", "pg_restore", "pg_basebackup"]
const DEBIAN = "/usr/lib/postgresql"

/** The folder of Postgres' programs with those for backups, which npm's packages lack; undefined where there is none. */
export const programsFolder = (): string | undefined => {
  const given = process.env["TUSK_TEST_POSTGRES_BIN"]
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...(given === undefined ? [] : [given]), ...versions.map((each) => join(DEBIAN, each, "bin"))]
  return folders.find((folder) => NEEDED.every((name) => existsSync(join(folder, name))))
}

const run = promisify(execFile)

/** Runs one of them on a server, as the account that owns its files, beside whatever this process does. */
export const program = async (
  { account, bin, root }: Installed,
  name: string,
  { port }: Server,
  args: ReadonlyArray<string>
): Promise<void> => {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid }
  const server = ["--host=127.0.0.1", `--port=${port}`, "--username=postgres"]
  await run(join(bin, name), [...server, ...args], { cwd: root, env: { ...process.env, LC_ALL: "C" }, ...identity })
}
