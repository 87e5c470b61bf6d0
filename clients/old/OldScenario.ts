import type { CodecName } from "@tusk/protocol/record/Compression"
import type { Broker } from "../../bench/kafka/Broker.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { createTopic, readModern, writeModern } from "./Modern.ts"
import type { CommandOf, OldClient } from "./OldClients.ts"
import { parseTold, verifyTold } from "./OldRecords.ts"

const partitions = 4
const first = 300
const second = 100
/** How long a consumer goes on that is not given what it waits for. */
const patienceS = 20

interface Run {
  readonly bootstrap: string
  readonly call: (...args: ReadonlyArray<string | number>) => Promise<string>
  /** Of the first record; within retention, and not in the future for long. */
  readonly time: number
}

const runOf = (command: CommandOf, bootstrap: string): Run => ({
  bootstrap,
  time: Date.now() - 60_000,
  call: async (what, ...args) => {
    const { file, args: all } = command([`${what}`, bootstrap, ...args.map(String)])
    return (await runOk(file, all, { timeoutMs: 90_000 })).stdout
  }
})

/** A group goes on where it had committed, and is given these records and no others. */
const consume = async ({ call, time }: Run, topic: string, from: number, to: number): Promise<void> => {
  const told = await call("consume", topic, `${topic}-group`, to - from, patienceS)
  verifyTold(parseTold(told), from, to, time)
}

const produce = ({ call, time }: Run, topic: string, codec: CodecName, from: number, count: number) =>
  call("produce", topic, codec, from, count, time)

/** The old client's batches are stored as it made them, and the broker reads in them what it wrote. */
const stored = async ({ bootstrap, time }: Run, topic: string, codec: CodecName): Promise<void> =>
  verifyTold(await readModern(bootstrap, topic, codec, partitions), 0, first + second, time)

const modern = async (run: Run, topic: string, codec: CodecName): Promise<void> => {
  await createTopic(run.bootstrap, topic, partitions)
  await writeModern(run.bootstrap, topic, codec, 0, first, run.time)
  await consume(run, topic, 0, first)
}

/**
 * What each old client does, codec by codec: create a topic; 300 records with keys, headers and times, consumed by a
 * group, committed; the broker restarts; 100 more, and the group is given these and no others; all 400 are stored in
 * that codec. Then it reads what modern clients wrote, in every codec that it knows.
 */
export const oldScenario = async (
  client: OldClient,
  command: CommandOf,
  broker: Broker,
  name: string,
  restart: boolean,
  onStage: (stage: string, seconds: number) => void
): Promise<void> => {
  const run = runOf(command, broker.bootstrap)
  const stage = async (what: string, step: () => Promise<unknown>): Promise<void> => {
    const began = performance.now()
    try {
      await step()
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    onStage(what, (performance.now() - began) / 1000)
  }
  const topic = (codec: CodecName) => `old-${name}-${codec}`
  for (const codec of client.writes) {
    await stage(`create for ${codec}`, () => run.call("create", topic(codec), partitions))
    await stage(`produce ${codec}`, () => produce(run, topic(codec), codec, 0, first))
    await stage(`consume ${codec}`, () => consume(run, topic(codec), 0, first))
  }
  if (restart) await stage("restart", () => broker.restart())
  for (const codec of client.writes) {
    await stage(`produce ${codec} again`, () => produce(run, topic(codec), codec, first, second))
    await stage(`resume ${codec}`, () => consume(run, topic(codec), first, first + second))
    await stage(`stored in ${codec}`, () => stored(run, topic(codec), codec))
  }
  for (const codec of client.reads) {
    await stage(`consume modern ${codec}`, () => modern(run, `${topic(codec)}-modern`, codec))
  }
}
