import { afterEach, assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel } from "kafkajs"
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  watch,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { MAX_RESTARTS } from "../src/embedded-postgres/keepRunning.ts"
import { MAJOR_VERSION, npmVersions } from "../src/embedded-postgres/OtherMajor.ts"
import { MAX_LOG_BYTES } from "../src/embedded-postgres/ServerLog.ts"
import { runTusk } from "./Command.ts"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

const newDataDir = (): string => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  return join(folder.path, "data")
}

/** A broker on embedded Postgres that serves; whatever is left of it goes when the test ends. */
const serve = async (dataDir: string): Promise<{ readonly tusk: TuskProcess; readonly port: number }> => {
  const tusk = new TuskProcess(["start", "--data-dir", dataDir, "--listen", "127.0.0.1:0"])
  cleanUp.push(() => tusk.child.exitCode === null && tusk.child.signalCode === null && tusk.kill("SIGTERM"))
  return { tusk, port: await tusk.listening() }
}

const postgresPid = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0])

/** Its file goes as the server's last act; the process itself may stay as a zombie if no process reaps orphans. */
const postgresRuns = (dataDir: string): boolean => existsSync(join(dataDir, "postgres", "postmaster.pid"))

const withAdmin = async <A>(port: number, use: (admin: ReturnType<Kafka["admin"]>) => Promise<A>): Promise<A> => {
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

const createTopic = (port: number, topic: string) =>
  withAdmin(port, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }))

const listTopics = async (port: number) =>
  (await withAdmin(port, (admin) => admin.listTopics())).filter((name) => !name.startsWith("__"))

describe("embedded Postgres", () => {
  it("has roles for SQL once `tusk sql roles` has run, and twice is once", async () => {
    const dataDir = newDataDir()
    await serve(dataDir)
    const [, , , , socket] = readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
    const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(socket!)}`
    for (const created of [3, 0]) {
      const { exit, stderr, stdout } = await runTusk(["sql", "roles", "--database-url", url])
      assert.deepStrictEqual([exit, stderr], [0, ""])
      assert.strictEqual(stdout.match(/^create role kafka_\w+ nologin;$/gm)?.length ?? 0, created)
      assert.include(stdout, "select kafka.allow('Group:kafka_producer', 'write', '*');\n")
    }
  })

  it("stops with Tusk, and a second start finds all data", async () => {
    const dataDir = newDataDir()
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const { port, tusk } = await serve(dataDir)
      assert.isTrue(postgresRuns(dataDir))
      if (signal === "SIGTERM") await createTopic(port, "kept")
      else assert.deepStrictEqual(await listTopics(port), ["kept"])
      assert.strictEqual(await tusk.kill(signal), 0)
      assert.isFalse(postgresRuns(dataDir))
    }
  })

  it("is adopted after a kill -9 of Tusk, and then stops with it", async () => {
    const dataDir = newDataDir()
    const first = await serve(dataDir)
    await createTopic(first.port, "kept")
    const postgres = postgresPid(dataDir)
    assert.strictEqual(await first.tusk.kill("SIGKILL"), "SIGKILL")
    assert.isTrue(postgresRuns(dataDir))
    const second = await serve(dataDir)
    assert.strictEqual(postgresPid(dataDir), postgres)
    assert.deepStrictEqual(await listTopics(second.port), ["kept"])
    assert.strictEqual(await second.tusk.kill("SIGTERM"), 0)
    assert.isFalse(postgresRuns(dataDir))
  })

  it("serves one Tusk: a second one says so in a line, and leaves the first alone", async () => {
    const dataDir = newDataDir()
    const { port, tusk } = await serve(dataDir)
    const { exit, stderr } = await runTusk(["start", "--data-dir", dataDir, "--listen", "127.0.0.1:0"])
    assert.match(stderr, /^tusk: another Tusk serves this database: [^\n]+\n$/)
    assert.strictEqual(exit, 1)
    await createTopic(port, "after")
    assert.deepStrictEqual(await listTopics(port), ["after"])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it("Ctrl-C by terminal and npm at once is one wish", async () => {
    const dataDir = newDataDir()
    const { tusk } = await serve(dataDir)
    tusk.child.kill("SIGINT")
    tusk.child.kill("SIGTERM")
    assert.strictEqual(await tusk.ended, 0)
    assert.isFalse(postgresRuns(dataDir))
  })

  it("a signal on the way ends the start, and what it had started", async () => {
    const dataDir = newDataDir()
    const tusk = new TuskProcess(["start", "--data-dir", dataDir, "--listen", "127.0.0.1:0"])
    mkdirSync(dataDir)
    await new Promise<void>((resolve) => {
      const watcher = watch(dataDir, (_, name) => {
        if (name !== "postgres.new") return
        watcher.close()
        resolve()
      })
    })
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    assert.isFalse(postgresRuns(dataDir))
    const { tusk: second } = await serve(dataDir)
    assert.strictEqual(await second.kill("SIGTERM"), 0)
  })

  it("is begun anew if the first start was killed on the way", async () => {
    const dataDir = newDataDir()
    mkdirSync(join(dataDir, "postgres.new", "base"), { recursive: true })
    writeFileSync(join(dataDir, "postgres.new", "PG_VERSION"), "18\n")
    const { port, tusk } = await serve(dataDir)
    assert.deepStrictEqual(await listTopics(port), [])
    assert.notInclude(readdirSync(dataDir), "postgres.new")
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it.each(["14", "16", "17"])(
    "says what to do with data of Postgres %s, by commands, and touches nothing",
    async (major) => {
      const dataDir = newDataDir()
      const data = join(dataDir, "postgres")
      mkdirSync(data, { recursive: true })
      writeFileSync(join(data, "PG_VERSION"), `${major}\n`)
      const before = [dataDir, data].map((each) => [readdirSync(each), statSync(each).mtimeMs, statSync(each).uid])
      const { exit, stderr } = await runTusk(["start", "--data-dir", dataDir, "--listen", "127.0.0.1:0"])
      const [first, ...commands] = stderr.trimEnd().split("\n")
      assert.match(
        first!,
        new RegExp(`^tusk: ${data} was written by Postgres ${major}, this Tusk brings Postgres 18\\.\\S+; nothing`)
      )
      assert.match(commands.join("\n"), new RegExp(`npm install .*@${major}\\.\\d+\\.\\d+\\S*\\n`))
      assert.strictEqual(exit, 1)
      const after = [dataDir, data].map((each) => [readdirSync(each), statSync(each).mtimeMs, statSync(each).uid])
      assert.deepStrictEqual(after, before)
    }
  )

  it("of a major that is not known, and a directory of Postgres' own, are refused in a line", async () => {
    const dataDir = newDataDir()
    mkdirSync(join(dataDir, "postgres"), { recursive: true })
    writeFileSync(join(dataDir, "postgres", "PG_VERSION"), "23\n")
    const newer = await runTusk(["start", "--data-dir", dataDir])
    assert.match(
      newer.stderr,
      /^tusk: [^\n]*was written by Postgres 23,[^\n]+start it with the Tusk that wrote it[^\n]+\n$/
    )
    const other = await runTusk(["start", "--data-dir", join(dataDir, "postgres")])
    assert.match(other.stderr, /^tusk: [^\n]*is the data directory of a Postgres that is not Tusk's[^\n]+\n$/)
    assert.deepStrictEqual([newer.exit, other.exit, readdirSync(dataDir)], [1, 1, ["postgres"]])
  })

  it("the version here is the one that npm brings, and known to the next major", () => {
    const file = new URL("../package.json", import.meta.url)
    const { optionalDependencies } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly optionalDependencies: Record<string, string>
    }
    for (const version of Object.values(optionalDependencies)) {
      assert.strictEqual(version, npmVersions.get(MAJOR_VERSION))
      assert.strictEqual(version.split(".")[0], MAJOR_VERSION)
    }
  })

  it("a path too long for a unix socket is no hindrance", async () => {
    const folder = temporaryFolder()
    cleanUp.push(folder.remove)
    const { port, tusk } = await serve(join(folder.path, "long".repeat(30)))
    assert.deepStrictEqual(await listTopics(port), [])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })
})

describe("embedded Postgres that ends while Tusk serves", () => {
  it("is started again, its end told with the last lines of its log, and Tusk serves on", async () => {
    const dataDir = newDataDir()
    const { port, tusk } = await serve(dataDir)
    await createTopic(port, "before")
    const first = postgresPid(dataDir)
    // As an administrator's `pg_ctl stop -m fast`: the log says what happened.
    process.kill(first, "SIGINT")
    const ended = /embedded Postgres, process (\d+), has ended[^]*?received fast shutdown request/
    assert.strictEqual(Number((await tusk.printed(ended))[1]), first)
    const second = Number((await tusk.printed(/embedded Postgres runs again, process (\d+)/))[1])
    assert.strictEqual(postgresPid(dataDir), second)
    assert.notStrictEqual(second, first)
    await tusk.printed(/the cluster's lock is held again/)
    await createTopic(port, "after")
    assert.sameMembers(await listTopics(port), ["before", "after"])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    assert.isFalse(postgresRuns(dataDir))
  })

  it("is started again three times within a minute, killed without a chance to tidy up; then Tusk ends, exit code 1", async () => {
    const dataDir = newDataDir()
    const { tusk } = await serve(dataDir)
    for (let i = 0; i < MAX_RESTARTS; i++) {
      const from = tusk.output.length
      process.kill(postgresPid(dataDir), "SIGKILL")
      await tusk.printed(/embedded Postgres runs again/, from)
    }
    process.kill(postgresPid(dataDir), "SIGKILL")
    assert.strictEqual(await tusk.ended, 1)
    assert.match(tusk.output, /^tusk: embedded Postgres was started again 3 times within a minute [^\n]+\n$/m)
  })

  it("a signal while it is down ends Tusk, and what it started again", async () => {
    const dataDir = newDataDir()
    const { tusk } = await serve(dataDir)
    process.kill(postgresPid(dataDir), "SIGKILL")
    await tusk.printed(/embedded Postgres, process \d+, has ended/)
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    assert.isFalse(postgresRuns(dataDir))
  })

  it("its log begins anew beyond its limit: it and the one before are all that is kept", async () => {
    const dataDir = newDataDir()
    const { tusk } = await serve(dataDir)
    const folder = join(dataDir, "log")
    const log = join(folder, "postgres.log")
    const seen = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(`${log}.1`) || statSync(log).size > 0) return
        watcher.close()
        resolve()
      })
    })
    appendFileSync(log, "x".repeat(MAX_LOG_BYTES))
    await seen
    assert.isAbove(statSync(`${log}.1`).size, MAX_LOG_BYTES)
    // What the server says next begins the file: it appends, and leaves no hole.
    const said = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!readFileSync(log, "utf8").includes("SIGHUP")) return
        watcher.close()
        resolve()
      })
    })
    process.kill(postgresPid(dataDir), "SIGHUP")
    await said
    assert.isBelow(statSync(log).size, 10_000)
    assert.deepStrictEqual(readdirSync(folder).sort(), ["postgres.log", "postgres.log.1"])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it("that cannot start any more ends Tusk with the reason", async () => {
    const dataDir = newDataDir()
    const { tusk } = await serve(dataDir)
    appendFileSync(join(dataDir, "postgres", "postgresql.auto.conf"), "no_such_setting = 1\n")
    process.kill(postgresPid(dataDir), "SIGINT")
    assert.strictEqual(await tusk.ended, 1)
    assert.match(tusk.output, /unrecognized configuration parameter [^\n]*no_such_setting/)
    assert.match(tusk.output, /^tusk: embedded Postgres [^\n]+contains errors\n$/m)
  })
})

describe("memory", () => {
  it("SIGTERM stops it, exit code 0", async () => {
    const tusk = new TuskProcess(["start", "--storage", "memory", "--listen", "127.0.0.1:0"])
    const port = await tusk.listening()
    assert.deepStrictEqual(await listTopics(port), [])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })
})
