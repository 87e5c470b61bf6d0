import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { KillableBroker } from "./Broker.ts"
import { freePort, untilServing } from "./Broker.ts"
import { kill, run, runOk, tail, terminate } from "./Program.ts"

/** Root of the repository, and its folder for what is downloaded or built (ignored by git). */
export const repository = fileURLToPath(new URL("../..", import.meta.url))
export const cache = join(repository, ".cache")

const project = join(repository, "clients", "java")
const jars = join(cache, "java", "lib")

/** Why Java programs cannot run here, or undefined. */
export const javaMissing = async (): Promise<string | undefined> => {
  for (const [program, args] of [
    ["java", ["-version"]],
    ["mvn", ["-v"]]
  ] as const) {
    const found = await run(program, args).catch(() => undefined)
    if (found?.code !== 0) return `${program} is missing`
  }
  return undefined
}

/** What lies in a folder and below it, by paths that end in `.java`. */
const javaSources = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".java"))
    .toSorted()
    .map((name) => join(folder, name))

/** Runs `make` once for each state of what it is made from. */
const onceFor = async (stamp: string, wanted: string, make: () => Promise<void>): Promise<void> => {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  await make()
  writeFileSync(stamp, wanted)
}

/**
 * Fetches the jars that clients/java/pom.xml names and compiles the programs beside it, once for each state of these
 * files; resolves with the class path. `release` is Apache Kafka's version. `name`: of another such folder of clients/;
 * `version`: of Apache Kafka, where it is not the one of the pom.
 */
export const prepareJava = async (
  name = "java",
  version?: string
): Promise<{ readonly classpath: string; readonly release: string }> => {
  const folder = join(repository, "clients", name)
  const home = join(cache, version === undefined ? name : `${name}-${version}`)
  const [jars, classes] = [join(home, "lib"), join(home, "classes")]
  const pom = readFileSync(join(folder, "pom.xml"), "utf8")
  const release = version ?? /<kafka\.version>([^<]+)</.exec(pom)?.[1] ?? ""
  mkdirSync(classes, { recursive: true })
  await onceFor(join(home, "jars"), pom, async () => {
    rmSync(jars, { recursive: true, force: true })
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
    const settings = [`-DoutputDirectory=${jars}`, "-DincludeScope=runtime", "-Dstyle.color=never"]
    if (version !== undefined) settings.push(`-Dkafka.version=${version}`)
    await runOk("mvn", ["-q", "-B", "-f", join(folder, "pom.xml"), goal, ...settings], { timeoutMs: 600_000 })
  })
  const sources = javaSources(join(folder, "src/main/java"))
  const wanted = [pom, ...sources.map((file) => readFileSync(file, "utf8"))].join("\0")
  await onceFor(join(home, "compiled"), wanted, async () => {
    await runOk("javac", ["--release", "17", "-cp", join(jars, "*"), "-d", classes, ...sources])
  })
  return { classpath: [folder, classes, join(jars, "*")].join(":"), release }
}

/** Options for a Java program of short life: a start as quick as it gets. */
const quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m"]

/** Command line of a Java main class; `flags` replace the ones for a program of short life. */
export const javaCommand = (
  classpath: string,
  main: string,
  args: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = quick
): { readonly file: string; readonly args: ReadonlyArray<string> } => {
  const logging = `-Dlog4j2.configurationFile=${join(project, "log4j2.properties")}`
  return { file: "java", args: [...flags, logging, "-cp", classpath, main, ...args] }
}

export interface ApacheKafkaOptions {
  /** Java heap, as in `-Xmx`. */
  readonly heap?: string
  /** More lines of server.properties; they may need the ports that the broker listens on. */
  readonly settings?: Settings | ((ports: { readonly port: number; readonly controller: number }) => Settings)
  /** System properties of Java, by name. */
  readonly system?: Settings
}

type Settings = Readonly<Record<string, string>>

const clusterId = "dHVzay1tYXRyaXgtMDAwMQ"

const properties = (port: number, controller: number, dir: string, more: Readonly<Record<string, string>>): string =>
  Object.entries({
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": join(dir, "log"),
    "num.partitions": "4",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    ...more
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("")

/** Apache Kafka from Maven's jars: one node, broker and controller in one process, on loopback, data in a folder of /tmp. */
export const startApacheKafka = async (options: ApacheKafkaOptions = {}): Promise<KillableBroker> => {
  const { classpath, release } = await prepareJava()
  const dir = mkdtempSync(join(tmpdir(), "apache-kafka-"))
  const [port, controller] = [await freePort(), await freePort()]
  const config = join(dir, "server.properties")
  const { settings = {} } = options
  const more = typeof settings === "function" ? settings({ port, controller }) : settings
  writeFileSync(config, properties(port, controller, dir, more))
  const format = javaCommand(classpath, "kafka.tools.StorageTool", ["format", "-t", clusterId, "-c", config])

  let child: ChildProcess | undefined
  const start = async () => {
    const heap = options.heap ?? "1g"
    const flags = [`-Xmx${heap}`, `-Xms${heap}`, "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
    flags.push("-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true")
    flags.push(...Object.entries(options.system ?? {}).map(([name, value]) => `-D${name}=${value}`))
    const { file, args } = javaCommand(classpath, "kafka.Kafka", [config], flags)
    const started = spawn(file, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] })
    child = started
    let log = ""
    const keep = (text: string) => (log = (log + text).slice(-20_000))
    started.stdout.setEncoding("utf8").on("data", keep)
    started.stderr.setEncoding("utf8").on("data", keep)
    const ended = () => (started.exitCode === null ? undefined : `Apache Kafka ended: ${tail(log, 20)}`)
    await untilServing(port, 60_000, ended)
  }
  const stop = async () => {
    if (child !== undefined) await terminate(child)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await runOk(format.file, format.args)
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name: `Apache Kafka ${release}`,
    bootstrap: `127.0.0.1:${port}`,
    pids: () => (child?.pid === undefined ? [] : [child.pid]),
    restart: async () => {
      if (child !== undefined) await terminate(child)
      await start()
    },
    kill: async () => {
      if (child !== undefined) await kill(child)
    },
    start,
    stop
  }
}

/** Whether the jars lie in the cache already (no download needed). */
export const jarsPresent = (): boolean => existsSync(jars) && readdirSync(jars).length > 0
