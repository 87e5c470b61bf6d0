import type { Broker } from "../bench/kafka/Broker.ts"
import type { Program } from "./Client.ts"
import { recordOf } from "./Client.ts"
import type { Member, Received } from "./Member.ts"
import { startMember } from "./Member.ts"

const partitions = 4
const first = 10_000
const second = 1_000
const patienceMs = 60_000
/** How long nothing more may come after the last record that is expected: a record twice would come in this time. */
const quietMs = 700

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Polls until it holds; the members are watched meanwhile. */
const until = async (
  what: () => string,
  members: ReadonlyArray<Member>,
  holds: () => boolean | Promise<boolean>
): Promise<void> => {
  const deadline = Date.now() + patienceMs
  while (!(await holds())) {
    for (const member of members) member.check()
    if (Date.now() > deadline) throw new Error(`${what()} within ${patienceMs / 1000} s`)
    await sleep(50)
  }
}

/** Every record from `from` to `to` once, with its key and value, each key in one partition and in order. */
const verify = (stage: string, received: ReadonlyArray<ReadonlyArray<Received>>, from: number, to: number): void => {
  const home = new Map<string, number>()
  const seen = new Map<number, string>()
  for (const records of received) {
    const lastOffset = new Map<number, bigint>()
    for (const { partition, offset, key, value } of records) {
      const at = `${partition}/${offset}`
      const id = Number(/^value-(\d+)$/.exec(value)?.[1] ?? NaN)
      if (!(id >= from && id < to)) throw new Error(`${stage}: unexpected value ${value} at ${at}`)
      if (key !== recordOf(id).key) throw new Error(`${stage}: ${value} has key ${key} at ${at}`)
      const before = seen.get(id)
      if (before !== undefined) throw new Error(`${stage}: ${value} came twice, from ${before} and ${at}`)
      seen.set(id, at)
      if ((home.get(key) ?? partition) !== partition) throw new Error(`${stage}: ${key} is in two partitions`)
      home.set(key, partition)
      if ((lastOffset.get(partition) ?? -1n) >= offset) throw new Error(`${stage}: offsets go back at ${at}`)
      lastOffset.set(partition, offset)
    }
  }
  const lost = to - from - seen.size
  if (lost > 0) {
    const example = Array.from({ length: to - from }, (_, i) => from + i).find((id) => !seen.has(id))
    throw new Error(`${stage}: ${lost} of ${to - from} records lost, value-${example} among them`)
  }
}

/** Stops one member after the other, each when it owns all that those before it have left. */
const stopInTurn = async (members: ReadonlyArray<Member>): Promise<void> => {
  const running = [...members]
  for (const member of members) {
    await member.stop()
    running.shift()
    const owned = () => running.flatMap((one) => one.owned()).length
    const left = () => `stop: the partitions of a member that left were not taken over`
    if (running.length > 0) await until(left, running, () => owned() === partitions)
  }
}

/**
 * Starts members and checks what they were given, to the end of the group's first balance at least; `feed`, where
 * given, runs when the partitions are shared out, so that each member has a part of what it brings.
 */
const consume = async (
  stage: string,
  program: Program,
  broker: Broker,
  names: { readonly topic: string; readonly group: string },
  members: number,
  from: number,
  to: number,
  feed?: () => Promise<void>
): Promise<void> => {
  const started = Array.from({ length: members }, () =>
    startMember(program.consume(broker.bootstrap, names.topic, names.group), program.parse)
  )
  const owned = () => started.map((member) => member.owned())
  const balanced = async () => {
    if (program.members !== undefined) {
      const seen = await program.members(broker.bootstrap, names.group)
      return seen.members === members && seen.partitions === partitions
    }
    const all = owned().flat()
    return owned().every((own) => own.length > 0) && all.length === partitions && new Set(all).size === partitions
  }
  const untilBalanced = async () => {
    await until(() => `${stage}: the group was not balanced (${JSON.stringify(owned())})`, started, balanced)
    await sleep(program.settleMs ?? 0)
  }
  try {
    if (feed !== undefined) {
      await untilBalanced()
      await feed()
    }
    const count = () => started.reduce((sum, member) => sum + member.records.length, 0)
    await until(
      () => `${stage}: ${count()} of ${to - from} records came`,
      started,
      () => count() >= to - from
    )
    await sleep(quietMs)
    if (program.stopsInTurn === true) await stopInTurn(started)
  } catch (error) {
    await Promise.allSettled(started.map((member) => member.stop()))
    throw error
  }
  await Promise.all(started.map((member) => member.stop()))
  const received = started.map((member) => member.records)
  if (feed !== undefined && received.some((records) => records.length === 0)) {
    throw new Error(`${stage}: a member was given nothing (${received.map((records) => records.length).join(", ")})`)
  }
  verify(stage, received, from, to)
}

/**
 * What each client of the matrix does, in its default configuration: create a topic; two members of a group; 10,000
 * keyed records, consumed by both, committed; the broker restarts; 1,000 more, consumed by two new members of the
 * same group: these and no others; a fresh group reads all 11,000; where the client has an administration, that sees
 * the same numbers and deletes group and topic. Rejects with what went wrong first.
 */
export const scenario = async (
  program: Program,
  broker: Broker,
  name: string,
  restart: boolean,
  onStage: (stage: string, seconds: number) => void
): Promise<void> => {
  const names = { topic: `matrix-${name}`, group: `matrix-${name}-group` }
  const { bootstrap } = broker
  const stage = async <A>(what: string, step: () => Promise<A>): Promise<A> => {
    const began = performance.now()
    try {
      const result = await step()
      onStage(what, (performance.now() - began) / 1000)
      return result
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Error(message.startsWith(`${what}:`) ? message : `${what}: ${message}`, { cause: error })
    }
  }
  await stage("create", () => program.create(bootstrap, names.topic, partitions))
  await stage("consume", () =>
    consume("consume", program, broker, names, 2, 0, first, () =>
      stage("produce", () => program.produce(bootstrap, names.topic, 0, first))
    )
  )
  if (restart) await stage("restart", () => broker.restart())
  await stage("produce again", () => program.produce(bootstrap, names.topic, first, second))
  await stage("resume", () => consume("resume", program, broker, names, 2, first, first + second))
  const fresh = { topic: names.topic, group: `${names.group}-fresh` }
  await stage("fresh group", () => consume("fresh group", program, broker, fresh, 1, 0, first + second))
  if (program.admin === undefined) return
  const { admin } = program
  const seen = await stage("admin", () => admin(bootstrap, names.topic, names.group))
  const right = seen.partitions === partitions && seen.end === first + second && seen.committed === first + second
  if (!right) throw new Error(`admin: saw ${JSON.stringify(seen)}`)
}
