import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { freePort } from "../../bench/kafka/Broker.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

/** A distributed worker of Kafka Connect, the only one of its cluster. */
export interface Worker {
  /** Makes a connector, or changes it; waits until the worker can. */
  readonly configure: (connector: string, config: Readonly<Record<string, string>>) => Promise<void>
  /** The state of its only task, as `RUNNING`. */
  readonly taskState: (connector: string) => Promise<string>
  /** SIGKILL, and another process in its place. */
  readonly replace: () => Promise<void>
  /** Throws when it ended by itself. */
  readonly check: () => void
  readonly log: () => string
  readonly stop: () => Promise<void>
}

const PATIENCE_MS = 90_000

const properties = (bootstrap: string, port: number): string =>
  Object.entries({
    "bootstrap.servers": bootstrap,
    "group.id": "connect",
    "exactly.once.source.support": "enabled",
    "config.storage.topic": "connect-configs",
    "offset.storage.topic": "connect-offsets",
    "status.storage.topic": "connect-status",
    "config.storage.replication.factor": "1",
    "offset.storage.replication.factor": "1",
    "status.storage.replication.factor": "1",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    listeners: `http://127.0.0.1:${port}`,
    "plugin.discovery": "service_load",
    // A worker that is killed comes back as another member: nobody waits long for the first one
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "1500",
    "scheduled.rebalance.max.delay.ms": "0"
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("")

export const startWorker = async (bootstrap: string): Promise<Worker> => {
  const { classpath } = await prepareJava()
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), "tusk-connect-"))
  const file = join(folder, "worker.properties")
  writeFileSync(file, properties(bootstrap, port))
  const command = javaCommand(classpath, "org.apache.kafka.connect.cli.ConnectDistributed", [file])
  let log = ""
  const start = (): ChildProcess => {
    const child = spawn(command.file, command.args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    const keep = (text: string) => (log = (log + text).slice(-32_768))
    child.stdout.setEncoding("utf8").on("data", keep)
    child.stderr.setEncoding("utf8").on("data", keep)
    return child
  }
  let child = start()
  const check = () => {
    if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}: ${tail(log)}`)
  }
  const ask = async (path: string, init: RequestInit = {}) => {
    const url = `http://127.0.0.1:${port}/connectors/${path}`
    return fetch(url, { ...init, signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
  }
  return {
    configure: async (connector, config) => {
      const headers = { "content-type": "application/json" }
      let answer = "no answer"
      const done = await holdsWithin(PATIENCE_MS, async () => {
        check()
        const response = await ask(`${connector}/config`, { method: "PUT", headers, body: JSON.stringify(config) })
        if (response !== undefined) answer = `${response.status} ${await response.text()}`
        return response?.ok === true
      })
      if (!done) throw new Error(`the connector was not made within ${PATIENCE_MS / 1000} s: ${answer}`)
    },
    taskState: async (connector) => {
      const status = (await (await ask(`${connector}/tasks/0/status`))?.json()) as
        { readonly state?: string } | undefined
      return status?.state ?? "UNKNOWN"
    },
    replace: async () => {
      await kill(child)
      child = start()
    },
    check,
    log: () => log,
    stop: async () => {
      await terminate(child)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
