import { ErasureHistory } from "./ErasureHistory.ts"
import { GroupHistory } from "./GroupHistory.ts"
import { keyOf } from "./keyOf.ts"
import { LogHistory } from "./LogHistory.ts"
import { RightsHistory } from "./RightsHistory.ts"
import { Registers } from "./Registers.ts"
import type { Setting } from "./Registers.ts"
import { RowsHistory } from "./RowsHistory.ts"
import type { KeptRow } from "./SqlBatches.ts"
import { SqlHistory } from "./SqlHistory.ts"
import { ShareHistory } from "./ShareHistory.ts"
import { TieredHistory } from "./TieredHistory.ts"
import { TransactionHistory } from "./TransactionHistory.ts"
import { TIERED_TOPIC, TOPIC } from "./topicNames.ts"

/** What a failover lost of a topic. */
export interface LogLoss {
  /** Where partitions end on the server that took over. */
  readonly ends: ReadonlyArray<number>
  readonly records: ReadonlyArray<{ readonly partition: number; readonly first: number; readonly last: number }>
}

/** What a failover lost, in the words of clients. */
export interface Loss {
  readonly nowMs: number
  /** By topic: those that have a `LogHistory`. */
  readonly logs: ReadonlyMap<string, LogLoss>
  readonly offsets: ReadonlyArray<{ readonly group: string; readonly partition: number; readonly id: string }>
  readonly configs: ReadonlyArray<{ readonly name: string; readonly value: string }>
}

/** Topics that not everybody may read or write, each of one partition. */
export const GUARDED_TOPICS = ["open", "secret"]

/** What clients saw. Whatever contradicts an invariant of docs/invariants.md becomes a violation at once, the rest at the end. */
export class History {
  readonly violations: Array<string> = []
  readonly #log: (text: string) => void
  /** Another one after each failover that lost something: what was learned before it need not hold any more. */
  era = 0
  /** How often the clock of a broker was set while it ran. */
  clockSteps = 0
  readonly erasures = new ErasureHistory((invariant, text) => this.violate(invariant, text))
  readonly log = new LogHistory((invariant, text) => this.violate(invariant, text), {
    mayBeGone: (partition, offset, value) =>
      this.erasures.mayBeGone({ topic: TOPIC, partition, offset, key: value && keyOf(value) }),
    reads: (client, partition, offset, value, sentMs) =>
      this.erasures.reads(client, { topic: TOPIC, partition, offset, key: keyOf(value) }, sentMs)
  })
  /** Of the topics that not everybody may read or write. */
  readonly guarded: ReadonlyMap<string, LogHistory> = new Map(
    GUARDED_TOPICS.map((topic) => [
      topic,
      new LogHistory((invariant, text) => this.violate(invariant, `${topic}: ${text}`))
    ])
  )
  /** Of the topic of which old batches move to objects, and are deleted. */
  readonly tiered = new TieredHistory((invariant, text) => this.violate(invariant, text))
  readonly rights = new RightsHistory((invariant, text) => this.violate(invariant, text))
  readonly groups = new GroupHistory((invariant, text) => this.violate(invariant, text))
  readonly shares = new ShareHistory((invariant, text) => this.violate(invariant, text))
  readonly transactions = new TransactionHistory((invariant, text) => this.violate(invariant, text))
  readonly sql = new SqlHistory((invariant, text) => this.violate(invariant, text))
  readonly rows = new RowsHistory(
    (invariant, text) => this.violate(invariant, text),
    (topic, row) => this.onRow(topic, row),
    (topic, partition, { key, offset }) =>
      key !== null && this.erasures.mayBeGone({ topic, partition, offset: Number(offset), key })
  )
  /** Sees every row that is read of what followers keep. */
  onRow: (topic: string, row: KeptRow) => void = () => {}
  readonly configs = new Registers((text) => this.violate("E2", text))
  readonly #offsets = new Registers((text) => this.violate("G4", text))
  readonly #producerIds = new Map<bigint, string>()

  constructor(log: (text: string) => void = () => {}) {
    this.#log = log
  }

  violate(invariant: string, text: string): void {
    if (this.violations.length >= 20) return
    this.violations.push(`${invariant}: ${text}`)
    this.#log(`VIOLATED ${invariant}: ${text}`)
  }

  /** A producer was given an id: no producer had it before. */
  producerId(producer: string, id: bigint): void {
    const before = this.#producerIds.get(id)
    if (before !== undefined) this.violate("E3", `producer id ${id} is given to ${before} and to ${producer}`)
    this.#producerIds.set(id, producer)
  }

  // ---- committed offsets

  /** Before a commit is sent. */
  commits(group: string, partition: number, id: string, nowMs: number): Setting {
    return this.#offsets.sets(`${group}/${partition}`, id, nowMs)
  }

  /**
   * `newest`: the newest generation that any member knew of when it was sent. `replaced`: another one had the static member's
   * place then.
   */
  committed(
    commit: Setting,
    group: string,
    generation: number,
    newest: number,
    replaced: boolean,
    nowMs: number
  ): void {
    if (replaced) this.violate("G2", `${group} took commit ${commit.id} of a static member that was replaced`)
    commit.outcome = "ok"
    commit.endMs = nowMs
    if (generation < newest) {
      this.violate(
        "G2",
        `${group} took commit ${commit.id} of generation ${generation} after generation ${newest} began`
      )
    }
  }

  /** `id` is null if no offset was committed. */
  fetched(reader: string, group: string, partition: number, id: string | null, startMs: number, nowMs: number): void {
    this.#offsets.found(`${group}/${partition}`, { reader, id, startMs, nowMs })
  }

  /** The clock of a broker was set while it ran: what goes by it comes early or late from now on. */
  stepsClock(): void {
    this.clockSteps++
    this.#forget()
  }

  #forget(): void {
    this.era++
    this.groups.forget()
    this.shares.forget()
  }

  /** A standby has taken over. */
  failsOver({ configs, logs, nowMs, offsets }: Loss, isAnythingLost: boolean): void {
    this.log.failovers++
    this.tiered.log.failovers++
    for (const [topic, { ends, records }] of logs) {
      const log = topic === TIERED_TOPIC ? this.tiered.log : (this.guarded.get(topic) ?? this.log)
      ends.forEach((end, partition) => log.takesOver(partition, end))
      for (const { first, last, partition } of records) log.loses(partition, first, last, nowMs)
    }
    if (!isAnythingLost) return
    this.#forget()
    this.log.forgetProducers()
    this.transactions.forget(nowMs)
    for (const { group, id, partition } of offsets) this.#offsets.loses(`${group}/${partition}`, id, nowMs)
    for (const { name, value } of configs) this.configs.loses(name, value, nowMs)
  }
}
