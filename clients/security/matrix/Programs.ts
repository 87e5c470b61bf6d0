/** The clients of the matrix, each a program that takes steps on its standard input (clients/README.md). */
import { spawn } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { cache, javaCommand, javaMissing, prepareJava } from "../../../bench/kafka/ApacheKafka.ts"
import { kill, runOk } from "../../../bench/kafka/Program.ts"
import { here, missing, once, prepareGo, preparePython, pythonMissing } from "../../Preparing.ts"
import type { Mechanism } from "./Cases.ts"

interface Command {
  readonly file: string
  readonly args: ReadonlyArray<string>
}

export interface Program {
  readonly name: string
  /** Mechanisms that it does not speak, and why. */
  readonly without?: Partial<Record<Mechanism, string>>
  /** Makes it ready; a string says why it cannot be had on this machine. */
  readonly prepare: () => Promise<Command | string>
}

const python = (name: string, script: string): Program => ({
  name,
  prepare: async () =>
    (await pythonMissing()) ?? {
      file: await preparePython("security/python"),
      args: [here("security", "python", script)]
    }
})

const node = (name: string, script: string): Program => ({
  name,
  prepare: async () => ({ file: process.execPath, args: ["--no-warnings", here("security", "node", script)] })
})

const rust: Program = {
  name: "rust-rdkafka",
  prepare: async () => {
    const absent = (await missing("cargo", "--version")) ?? (await missing("g++", "--version"))
    if (absent !== undefined) return absent
    const [folder, target] = ["security/rust-rdkafka", join(cache, "rust-rdkafka-secured")]
    await once(folder, [`${folder}/src/main.rs`, `${folder}/Cargo.lock`], async () => {
      const options = { cwd: here(folder), env: { ...process.env, CARGO_TARGET_DIR: target } }
      const args = ["build", "--quiet", "--release", "--locked"]
      await runOk("cargo", args, { spawn: options, timeoutMs: 1_800_000 })
    })
    return { file: join(target, "release", "rust-rdkafka-secured"), args: [] }
  }
}

export const programs: ReadonlyArray<Program> = [
  {
    name: "Java",
    prepare: async () => {
      const absent = await javaMissing()
      if (absent !== undefined) return absent
      return javaCommand((await prepareJava()).classpath, "tusk.clients.SecuredClient", [])
    }
  },
  python("librdkafka", "confluent.py"),
  {
    name: "franz-go",
    prepare: async () => (await missing("go", "version")) ?? { file: await prepareGo("security/franz-go"), args: [] }
  },
  node("kafkajs", "kafkajs.mjs"),
  node("@platformatic/kafka", "platformatic.mjs"),
  python("kafka-python", "kafka_python.py"),
  rust
]

/** What a program gets, as JSON. */
export interface Config {
  readonly bootstrap: string
  readonly mechanism: Mechanism
  readonly user: string
  readonly password: string
  readonly token: string
  readonly ca: string
  readonly certificate: string
  readonly key: string
  readonly topic: string
  readonly group: string
  /** Within which each step has an outcome. */
  readonly timeoutMs: number
}

export type Step = "produce" | "consume"

/** Names of errors and their texts; `error` is empty where the step succeeds. */
export interface Told {
  readonly error: string
  readonly said: string
}

export interface Running {
  readonly step: (step: Step) => Promise<Told>
  readonly end: () => Promise<void>
}

/** Starts a program; a step that takes twice its limit is told as one that hangs. */
export const start = ({ args, file }: Command, config: Config): Running => {
  const child = spawn(file, [...args, JSON.stringify(config)], { stdio: ["pipe", "pipe", "pipe"] })
  let log = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-2000)))
  child.stdin.on("error", () => {})
  let told: (told: Told) => void = () => {}
  createInterface(child.stdout).on("line", (line) => {
    if (!line.startsWith("{")) return
    const { error, said = "" } = JSON.parse(line) as { error: string; said?: string }
    told({ error, said })
  })
  const ended = new Promise<Told>((resolve) =>
    child.once("close", (code) => resolve({ error: `Ended ${code}`, said: log.trim() }))
  )
  let hangs = false
  return {
    step: async (step) => {
      // What it says later would count for another step.
      if (hangs) return { error: "Hangs", said: "" }
      const answer = new Promise<Told>((resolve) => (told = resolve))
      child.stdin.write(`${step}\n`)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<Told>((resolve) => {
        timer = setTimeout(() => resolve({ error: "Hangs", said: log.trim() }), 2 * config.timeoutMs + 10_000)
      })
      try {
        const outcome = await Promise.race([answer, ended, late])
        hangs = outcome.error === "Hangs"
        return outcome
      } finally {
        clearTimeout(timer)
      }
    },
    end: () => kill(child)
  }
}
