import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

export type AcknowledgementMode = "auto" | "sync" | "async"

interface Event {
  readonly name: string
  readonly success?: boolean
  readonly error?: string
  readonly partitions?: ReadonlyArray<{ readonly partition: number; readonly offsets?: ReadonlyArray<number> }>
}

/** Kafka's VerifiableShareConsumer in a process of its own (KIP-932). */
export interface VerifiableShare {
  /** `partition/offset` of each record it was given, in order; again where it was given again. */
  readonly consumed: ReadonlyArray<string>
  /** The same of what was acknowledged with success. */
  readonly acknowledged: ReadonlyArray<string>
  readonly failures: ReadonlyArray<string>
  readonly check: () => void
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
}

export const startVerifiableShare = async (options: {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
  readonly mode: AcknowledgementMode
}): Promise<VerifiableShare> => {
  const { classpath } = await prepareJava()
  const args = ["--bootstrap-server", options.bootstrap, "--topic", options.topic, "--group-id", options.group]
  args.push("--acknowledgement-mode", options.mode)
  const command = javaCommand(classpath, "org.apache.kafka.tools.VerifiableShareConsumer", args)
  const child = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe"] })
  const consumed: Array<string> = []
  const acknowledged: Array<string> = []
  const failures: Array<string> = []
  let other = ""
  const recordsOf = (event: Event) =>
    (event.partitions ?? []).flatMap(({ offsets = [], partition }) => offsets.map((offset) => `${partition}/${offset}`))
  const hear = (event: Event) => {
    if (event.name === "records_consumed") consumed.push(...recordsOf(event))
    if (event.name !== "offsets_acknowledged") return
    if (event.success === true) acknowledged.push(...recordsOf(event))
    else failures.push(event.error ?? "no reason")
  }
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) hear(JSON.parse(line) as Event)
    else other = `${other}${line}\n`.slice(-8192)
  })
  createInterface({ input: child.stderr }).on("line", (line) => (other = `${other}${line}\n`.slice(-8192)))
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  let stopping = false
  return {
    consumed,
    acknowledged,
    failures,
    check: () => {
      const how = child.exitCode ?? child.signalCode
      if (how !== null && !stopping) throw new Error(`VerifiableShareConsumer ended with ${how}: ${tail(other)}`)
    },
    stop: async () => {
      stopping = true
      await terminate(child)
      await closed
    },
    kill: async () => {
      stopping = true
      await kill(child)
      await closed
    }
  }
}
