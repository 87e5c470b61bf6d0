import { existsSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { cache, javaCommand, javaMissing, prepareJava } from "../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../bench/kafka/Program.ts"
import type { Client, Command, Overview, Program } from "./Client.ts"
import { parseLine } from "./Client.ts"
import { commandLineTools } from "./CommandLineTools.ts"
import { kcat } from "./Kcat.ts"
import { here, missing, once, prepareGo, preparePython, pythonMissing, reason } from "./Preparing.ts"

/** A program that speaks the common command line (README.md). */
const speaking = (base: (args: ReadonlyArray<string>) => Command, hasAdmin: boolean): Program => {
  const runProgram = async (...params: ReadonlyArray<string>) => {
    const { file, args, env } = base(params)
    const options = env === undefined ? {} : { spawn: { env: { ...process.env, ...env } } }
    return (await runOk(file, args, options)).stdout
  }
  const admin = async (...params: ReadonlyArray<string>) => JSON.parse(await runProgram("admin", ...params)) as Overview
  return {
    create: async (bootstrap, topic, partitions) =>
      void (await runProgram("create", bootstrap, topic, `${partitions}`)),
    produce: async (bootstrap, topic, from, count) =>
      void (await runProgram("produce", bootstrap, topic, `${from}`, `${count}`)),
    consume: (bootstrap, topic, group) => base(["consume", bootstrap, topic, group]),
    parse: parseLine,
    ...(hasAdmin ? { admin } : {})
  }
}

const confluentKafka: Client = {
  name: "confluent-kafka (Python)",
  prepare: async () => {
    const absent = await pythonMissing()
    if (absent !== undefined) return absent
    const python = await preparePython("confluent-kafka")
    return speaking((args) => ({ file: python, args: [here("confluent-kafka", "client.py"), ...args] }), true)
  }
}

const java: Client = {
  name: "Apache Kafka (Java)",
  prepare: async () => {
    const absent = await javaMissing()
    if (absent !== undefined) return absent
    const { classpath } = await prepareJava()
    return speaking((args) => javaCommand(classpath, "tusk.clients.JavaClient", args), true)
  }
}

const franzGo: Client = {
  name: "franz-go (Go)",
  prepare: async () => {
    const absent = await missing("go", "version")
    if (absent !== undefined) return absent
    const file = await prepareGo("franz-go")
    return speaking((args) => ({ file, args }), true)
  }
}

const rustRdkafka: Client = {
  name: "rust-rdkafka (Rust)",
  prepare: async () => {
    const absent = (await missing("cargo", "--version")) ?? (await missing("g++", "--version"))
    if (absent !== undefined) return absent
    const target = join(cache, "rust-rdkafka")
    await once("rust-rdkafka", ["rust-rdkafka/src/main.rs", "rust-rdkafka/Cargo.lock"], async () => {
      const spawn = { cwd: here("rust-rdkafka"), env: { ...process.env, CARGO_TARGET_DIR: target } }
      await runOk("cargo", ["build", "--quiet", "--release", "--locked"], { spawn, timeoutMs: 1_800_000 })
    })
    return speaking((args) => ({ file: join(target, "release", "rust-rdkafka-client"), args }), false)
  }
}

const node = (script: string, ...flags: ReadonlyArray<string>) =>
  speaking((args) => ({ file: process.execPath, args: [...flags, script, ...args] }), true)

const kafkajs: Client = {
  name: "kafkajs",
  prepare: async () => ({ ...node(here("kafkajs", "client.mjs"), "--no-warnings"), stopsInTurn: true })
}

const platformatic: Client = {
  name: "@platformatic/kafka",
  // Its fetches wait up to 5 s (maxWaitTime), and an answer to one from before a rebalance is not dropped.
  prepare: async () => ({ ...node(here("platformatic", "client.mjs")), settleMs: 5500 })
}

/** The machine's own Node: the PATH without what npm puts in front of it. */
const systemNode = (): { readonly file: string; readonly env: NodeJS.ProcessEnv } => {
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => !folder.includes("node_modules"))
  const found = folders.map((folder) => join(folder, "node")).find((file) => existsSync(file))
  return { file: found ?? process.execPath, env: { ...process.env, PATH: folders.join(":") } }
}

const confluentJavascript: Client = {
  name: "@confluentinc/kafka-javascript",
  prepare: async () => {
    const folder = here("confluent-javascript")
    const { file, env } = systemNode()
    const load = ["-e", `require("@confluentinc/kafka-javascript")`]
    const loads = async () => (await run(file, load, { spawn: { cwd: folder, env } })).code === 0
    if (!(await loads())) {
      // Its prebuilt native part comes from GitHub; where that is out of reach it is built on the machine's libraries.
      const spawn = { cwd: folder, env: { ...env, CKJS_LINKING: "dynamic" } }
      try {
        await runOk("npm", ["ci", "--foreground-scripts"], { spawn, timeoutMs: 1_800_000 })
      } catch (error) {
        return `its native part cannot be installed: ${reason(error)}`
      }
      if (!(await loads())) return "its native part does not load"
    }
    return speaking((args) => ({ file, args: [join(folder, "client.mjs"), ...args] }), true)
  }
}

/** All clients of the matrix, in the order of the table. */
export const clients: ReadonlyArray<Client> = [
  kcat,
  confluentKafka,
  java,
  commandLineTools,
  franzGo,
  rustRdkafka,
  kafkajs,
  platformatic,
  confluentJavascript
]
