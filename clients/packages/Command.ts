/** `npx @tusk/cli start` in an empty folder, until a client is answered. */
import { spawn } from "node:child_process"
import { Kafka, logLevel } from "kafkajs"
import { tail } from "../../bench/kafka/Program.ts"
import { Project } from "./Project.ts"
import type { Runtime } from "./Tools.ts"

const SERVING_MS = 120_000

/** The first `host:port` that a client is told, and the end of the program with all it started. */
const startIn = (project: Project, args: ReadonlyArray<string>) => {
  // A group of its own: npx is a shell and a Node, below them the broker.
  const { environment: env, folder: cwd } = project
  const child = spawn("npx", args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  let text = ""
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const address = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address in ${SERVING_MS} ms: ${tail(text)}`)), SERVING_MS)
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      const [, found] = /listens on (127\.0\.0\.1:\d+) /.exec(text) ?? []
      if (found !== undefined) {
        clearTimeout(timer)
        resolve(found)
      }
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    child.once("error", reject)
    void exited.then(() => reject(new Error(`it ended: ${tail(text)}`)))
  })
  const stop = async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGTERM")
    await exited
  }
  return { address, stop }
}

/** Milliseconds to a topic, from nothing. Fails if no broker answers a client, or the broker does not end when it is told to. */
export const runCommand = async (npmrc: string, { program }: Runtime, scripts: boolean): Promise<number> => {
  using project = new Project(`${npmrc}ignore-scripts=${!scripts}\n`, program)
  const begun = performance.now()
  const { address, stop } = startIn(project, ["--yes", "@tusk/cli", "start", "--listen", "127.0.0.1:0"])
  try {
    const kafka = new Kafka({ brokers: [await address], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    const made = await admin.createTopics({ topics: [{ topic: "orders" }] })
    await admin.disconnect()
    if (!made) throw new Error("the topic was not made")
    return performance.now() - begun
  } finally {
    await stop()
  }
}
