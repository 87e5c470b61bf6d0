import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

export type GroupProtocol = "classic" | "consumer"

interface Event {
  readonly name: string
  readonly success?: boolean
  readonly error?: string
  readonly partitions?: ReadonlyArray<{
    readonly topic: string
    readonly partition: number
    readonly count?: number
    readonly minOffset?: number
    readonly maxOffset?: number
  }>
  readonly offsets?: ReadonlyArray<{ readonly partition: number; readonly offset: number }>
}

/** Records that one consumer was given: `partition` from `from` to `to`, both included. */
export interface Range {
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** Kafka's VerifiableConsumer in a process of its own: it tells what it is assigned, given, and committed. */
export interface Verifiable {
  readonly owned: () => ReadonlyArray<number>
  readonly consumed: ReadonlyArray<Range>
  /** Commits that failed, by message. */
  readonly failures: ReadonlyArray<string>
  /** Commits that succeeded. */
  readonly commits: () => number
  /** Calls of its listener: assigned and revoked, empty ones included. */
  readonly rebalances: () => number
  /** Throws when it ended by itself. */
  readonly check: () => void
  /** SIGTERM: it leaves its group, if its kind of member does. */
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
}

export interface VerifiableOptions {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
  readonly protocol: GroupProtocol
  readonly instanceId?: string
  /** A class name, for the classic protocol. */
  readonly assignor?: string
  /** For the classic protocol; the other has the group's. */
  readonly sessionTimeoutMs?: number
}

export const startVerifiable = async (options: VerifiableOptions): Promise<Verifiable> => {
  const { classpath } = await prepareJava()
  const args = ["--bootstrap-server", options.bootstrap, "--topic", options.topic, "--group-id", options.group]
  args.push("--group-protocol", options.protocol)
  if (options.instanceId !== undefined) args.push("--group-instance-id", options.instanceId)
  if (options.assignor !== undefined) args.push("--assignment-strategy", options.assignor)
  if (options.sessionTimeoutMs !== undefined) args.push("--session-timeout", `${options.sessionTimeoutMs}`)
  const command = javaCommand(classpath, "org.apache.kafka.tools.VerifiableConsumer", args)
  const child = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe"] })
  const owned = new Set<number>()
  const consumed: Array<Range> = []
  const failures: Array<string> = []
  let commits = 0
  let rebalances = 0
  let other = ""
  const hear = (event: Event) => {
    switch (event.name) {
      case "partitions_assigned":
        rebalances++
        for (const { partition } of event.partitions ?? []) owned.add(partition)
        return
      case "partitions_revoked":
        rebalances++
        for (const { partition } of event.partitions ?? []) owned.delete(partition)
        return
      case "records_consumed":
        for (const { maxOffset = -1, minOffset = 0, partition } of event.partitions ?? []) {
          if (maxOffset >= minOffset) consumed.push({ partition, from: minOffset, to: maxOffset })
        }
        return
      case "offsets_committed":
        if (event.success === true) commits++
        else failures.push(event.error ?? "no reason")
    }
  }
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) hear(JSON.parse(line) as Event)
    else other = `${other}${line}\n`.slice(-8192)
  })
  createInterface({ input: child.stderr }).on("line", (line) => (other = `${other}${line}\n`.slice(-8192)))
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  let stopping = false
  return {
    owned: () => [...owned].toSorted((a, b) => a - b),
    consumed,
    failures,
    commits: () => commits,
    rebalances: () => rebalances,
    check: () => {
      const how = child.exitCode ?? child.signalCode
      if (how !== null && !stopping) throw new Error(`VerifiableConsumer ended with ${how}: ${tail(other)}`)
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

/** What is wrong with what consumers together were given of `partitions` partitions of `count` records each: lost, twice. */
export const accountOf = (
  consumers: ReadonlyArray<Verifiable>,
  partitions: number,
  count: number
): { readonly lost: number; readonly twice: number; readonly where: string } => {
  const times = new Map<string, number>()
  for (const { consumed } of consumers) {
    for (const { from, partition, to } of consumed) {
      for (let offset = from; offset <= to; offset++) {
        const at = `${partition}/${offset}`
        times.set(at, (times.get(at) ?? 0) + 1)
      }
    }
  }
  const absent = Array.from({ length: partitions * count }, (_, i) => `${i % partitions}/${Math.floor(i / partitions)}`)
  const wrong = absent.filter((at) => times.get(at) !== 1)
  const where = wrong.length === 0 ? "" : ` (${wrong[0]} to ${wrong.at(-1)})`
  return { lost: partitions * count - times.size, where, twice: [...times.values()].filter((n) => n > 1).length }
}
