import { execFileSync, spawn } from "node:child_process"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { postgresFolder } from "../../cli/src/embedded-postgres/Binaries.ts"
import { serverAccount } from "../../cli/src/embedded-postgres/ServerAccount.ts"

/**
 * One real Postgres for a test run: the binaries that npm installed, or those in the
 * folder that `TUSK_TEST_POSTGRES_BIN` names, a data directory of its own below the system's
 * temporary one, a unix socket, fsync off. Tests make databases in it (`TestDatabase`).
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const account = orThrow(serverAccount())
  const programs = process.env["TUSK_TEST_POSTGRES_BIN"] ?? join(orThrow(postgresFolder(account)), "bin")
  const root = mkdtempSync(join(tmpdir(), "tusk-test-"))
  if (account !== undefined) chownSync(root, account.uid, account.gid)
  const data = join(root, "data")
  const env = { ...process.env, LC_ALL: "C" }
  const options = { cwd: root, env, ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }) }
  execFileSync(
    join(programs, "initdb"),
    ["--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
    { ...options, stdio: ["ignore", "ignore", "inherit"] }
  )
  const settings = {
    listen_addresses: "",
    unix_socket_directories: root,
    fsync: "off",
    max_connections: "200",
    shared_buffers: "32MB",
    log_min_messages: "log"
  }
  const server = spawn(
    join(programs, "postgres"),
    ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    { ...options, stdio: ["ignore", "ignore", "pipe"] }
  )
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()))
  await ready(server.stderr, ended)
  project.provide("postgresUrl", `postgres://postgres@localhost/postgres?host=${encodeURIComponent(root)}`)
  return async () => {
    server.kill("SIGQUIT")
    await ended
    rmSync(root, { recursive: true, force: true })
  }
}

/** What the launcher of the cli finds, or its error. */
const orThrow = <A>(value: A): Exclude<A, Error> => {
  if (value instanceof Error) throw value
  return value as Exclude<A, Error>
}

/** Waits for the line that tells of readiness; what came before it is the error if it does not come. */
const ready = (stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ""
    stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes("ready to accept connections")) resolve()
    })
    void ended.then(() => reject(new Error(`Postgres did not start: ${text}`)))
  })
