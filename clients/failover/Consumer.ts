import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { roundRobin } from "../../bench/groups/Assign.ts"
import { ClassicMember } from "../../bench/groups/ClassicMember.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import { EARLIEST, fetch, leaderEpochs, listOffset, recordsOf, within } from "./Asking.ts"
import type { History } from "./History.ts"

export interface ConsumerOptions {
  readonly bootstrap: string
  readonly history: History
  readonly client: string
  readonly groupId: string
  readonly topic: string
  readonly partitions: number
}

/** Where a consumer is in a partition: what it reads next, and the leader epoch of what it read last (KIP-320). */
interface Position {
  offset: number
  epoch: number
  /** The leader epoch it fetches with; -1: to be asked for. */
  leaderEpoch: number
  readonly generation: number
}

const NONE = 0
const OFFSET_OUT_OF_RANGE = 1
const FENCED_LEADER_EPOCH = 74
const UNKNOWN_LEADER_EPOCH = 76
const COMMIT_EVERY_MS = 500
const REQUEST_TIMEOUT_MS = 8000
const STOP_MS = 12_000

/**
 * A member of a classic group that reads what it is given from where the group committed, validates its position when it
 * hears of another leader epoch, as KIP-320 says, and commits twice a second.
 */
export class Consumer {
  readonly options: ConsumerOptions
  readonly #member: ClassicMember
  readonly #positions = new Map<number, Position>()
  /** The highest commit of ours that was acknowledged, by partition. */
  readonly committed = new Map<number, number>()
  #wire: Wire | undefined
  #stopping = false
  readonly #ended: Promise<void>

  constructor(options: ConsumerOptions) {
    this.options = options
    const { bootstrap, groupId, partitions, topic } = options
    this.#member = new ClassicMember({
      ...{ bootstrap, groupId, partitions, topic, assign: roundRobin },
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      heartbeatIntervalMs: 1000
    })
    this.#member.start()
    this.#ended = Promise.all([this.#live(), this.#committing()]).then(
      () => {},
      (error: unknown) => void options.history.errors.push(`${options.client}: ${String(error)}`)
    )
  }

  /** What it reads next, by partition. */
  position(partition: number): number {
    return this.#positions.get(partition)?.offset ?? -1
  }

  get joins(): number {
    return this.#member.joins
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const { client, history } = this.options
    // A request that nobody answers ends with its connection.
    const timer = setTimeout(() => {
      history.errors.push(`${client}: it waits for an answer for ${STOP_MS} ms`)
      void this.#member.stop(false).catch(() => {})
    }, STOP_MS)
    await this.#ended
    this.#wire?.close()
    await this.#member.stop().catch((error: unknown) => history.errors.push(`${client}, group: ${String(error)}`))
    clearTimeout(timer)
  }

  async #live(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#wire === undefined || this.#wire.isClosed)
          this.#wire = await Wire.connect(this.options.bootstrap, this.options.client)
        await within(this.#wire, REQUEST_TIMEOUT_MS, this.#round(this.#wire))
      } catch (error) {
        if (!(error instanceof Closed) && !/was answered/.test(String(error))) throw error
        await sleep(50)
      }
    }
  }

  async #round(wire: Wire): Promise<void> {
    const { generation, owned } = this.#member
    for (const partition of this.#positions.keys()) if (!owned.includes(partition)) this.#positions.delete(partition)
    for (const partition of owned)
      if (this.#positions.get(partition)?.generation !== generation) await this.#begin(wire, partition, generation)
    const mine = [...this.#positions]
    if (mine.length === 0) return sleep(20)
    if (mine.some(([, { leaderEpoch }]) => leaderEpoch < 0)) await this.#validate(wire)
    const answers = await fetch(
      wire,
      this.options.topic,
      mine.map(([partition, { epoch, leaderEpoch, offset }]) => ({
        ...{ partition, offset, leaderEpoch },
        lastEpoch: epoch
      }))
    )
    for (const answer of answers) await this.#answered(wire, answer)
    if (answers.some(({ errorCode }) => errorCode !== NONE)) await sleep(50)
  }

  /** From where the group committed; from the beginning where it never did. */
  async #begin(wire: Wire, partition: number, generation: number): Promise<void> {
    const { client, groupId, history, topic } = this.options
    const answer = await wire.call(OffsetFetch, 8, {
      groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [partition] }] }]
    })
    const group = answer.groups[0]
    const found = group?.topics[0]?.partitions[0]
    if (group?.errorCode !== NONE || found?.errorCode !== NONE)
      throw new Error(`OffsetFetch was answered ${group?.errorCode} ${found?.errorCode}`)
    const offset = Number(found.committedOffset)
    const told = this.committed.get(partition)
    if (told !== undefined && offset < 0) history.resets.push(`${client}: ${partition} from ${told} to the beginning`)
    this.#positions.set(partition, {
      offset: Math.max(0, offset),
      epoch: found.committedLeaderEpoch,
      leaderEpoch: -1,
      generation
    })
  }

  /** Learns the leader epochs; where one is new, asks whether the log still holds what was read (KIP-320). */
  async #validate(wire: Wire): Promise<void> {
    const { history, topic } = this.options
    const epochs = await leaderEpochs(wire, topic)
    for (const [partition, position] of this.#positions) {
      const leaderEpoch = epochs.get(partition) ?? -1
      history.epoch(leaderEpoch)
      if (position.epoch >= 0 && leaderEpoch >= 0) {
        const { topics } = await wire.call(OffsetForLeaderEpoch, 4, {
          replicaId: -1,
          topics: [
            {
              topic,
              partitions: [{ partition, currentLeaderEpoch: leaderEpoch, leaderEpoch: position.epoch }]
            }
          ]
        })
        const found = topics[0]?.partitions[0]
        if (found?.errorCode !== NONE) throw new Error(`OffsetForLeaderEpoch was answered ${found?.errorCode}`)
        // The log ends earlier in that epoch: what was read beyond is gone, and the client goes to where they part.
        if (found.endOffset >= 0n && Number(found.endOffset) < position.offset)
          position.offset = Number(found.endOffset)
      }
      position.leaderEpoch = leaderEpoch
    }
  }

  async #answered(wire: Wire, answer: Awaited<ReturnType<typeof fetch>>[number]): Promise<void> {
    const { client, history, topic } = this.options
    const partition = answer.partitionIndex
    const position = this.#positions.get(partition)
    // It was taken away while the fetch was under way.
    if (position === undefined || this.#member.generation !== position.generation) return
    if (answer.errorCode === FENCED_LEADER_EPOCH || answer.errorCode === UNKNOWN_LEADER_EPOCH) position.leaderEpoch = -1
    else if (answer.errorCode === OFFSET_OUT_OF_RANGE) {
      const earliest = await listOffset(wire, topic, partition, EARLIEST)
      history.resets.push(`${client}: ${partition} from ${position.offset} to ${earliest}, out of range`)
      position.offset = earliest
    } else if (answer.errorCode !== NONE) position.leaderEpoch = -1
    else {
      const { next, records } = recordsOf(answer, position.offset)
      for (const record of records) history.read(client, `${position.generation}`, record)
      position.epoch = records.at(-1)?.epoch ?? position.epoch
      position.offset = next
    }
  }

  async #committing(): Promise<void> {
    while (!this.#stopping) {
      await sleep(COMMIT_EVERY_MS)
      const { generation } = this.#member
      const offsets = new Map(
        [...this.#positions]
          .filter(([, position]) => position.generation === generation)
          .map(([partition, { offset }]) => [partition, offset] as const)
      )
      if (offsets.size === 0) continue
      try {
        const codes = await this.#member.commit(new Map([...offsets].map(([p, offset]) => [p, BigInt(offset)])))
        ;[...offsets].forEach(([partition, offset], i) => {
          if (codes[i] === NONE) this.committed.set(partition, offset)
        })
      } catch (error) {
        if (!(error instanceof Closed)) throw error
      }
    }
  }
}
