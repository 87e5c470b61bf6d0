import type { KafkaError } from "@tusk/protocol/KafkaError"
import { RequestTimedOut } from "@tusk/protocol/KafkaError"
import type { Participant } from "./Participant.ts"
import type { Unit } from "../port/Write.ts"
import type { StoreError } from "../port/StoreError.ts"
import { unitBytes } from "../writes/unitBytes.ts"

/** A unit that waits, with the reign in which it was submitted. */
export class Entry {
  readonly participant: Participant<unknown>
  readonly reign: number
  /** Whether what it needs has been read; `failure`: it could not be. */
  isPrepared: boolean
  failure: StoreError | undefined
  /** It was refused, which counts once the commit in which it was decided is stored. */
  refusal: KafkaError | undefined
  /** When it came, by the monotonic clock. */
  sinceMs = 0
  readonly #deadlineMs: number
  #tell: ((error: KafkaError | undefined) => void) | undefined

  constructor(
    participant: Participant<unknown>,
    reign: number,
    deadlineMs: number,
    tell: (error: KafkaError | undefined) => void
  ) {
    this.participant = participant
    this.reign = reign
    this.isPrepared = participant.prepare === undefined
    this.#deadlineMs = deadlineMs
    this.#tell = tell
  }

  /** The caller's answer, once: a caller that was told that it takes too long hears nothing more. */
  tell(error: KafkaError | undefined): void {
    const tell = this.#tell
    this.#tell = undefined
    tell?.(error)
  }

  /** When the caller's time is over, it is told so. The unit goes on: it may be stored. */
  expire(nowMs: number): void {
    if (nowMs >= this.#deadlineMs && this.#tell !== undefined) {
      this.tell(new RequestTimedOut({ message: "the database has not answered in time; the outcome is not known yet" }))
    }
  }
}

/** What goes into one commit. */
export interface Assembled {
  readonly joined: ReadonlyArray<Entry>
  /** One for each of `joined`; an empty one waits without writing. */
  readonly units: ReadonlyArray<Unit>
  /** Of all units. */
  readonly bytes: number
}

/** What a commit may take while another one is in flight. */
export interface Beside {
  /** Partitions of the other one. */
  readonly partitionIds: ReadonlySet<number>
}

/** Units in order of arrival. Those that are not prepared keep their place, and let others pass that do not touch theirs. */
export class CommitQueue {
  /** Of waiting units, as far as they are known before they are assembled. */
  bytes = 0
  /** Of these, what is for an object store: it waits for that first. */
  objectBytes = 0
  #entries: Array<Entry> = []
  /** Something came, or was prepared, or was too much for the commit before: else looking once more is of no use. */
  #isFresh = false
  #failed = 0
  readonly #maxCommitBytes: number

  constructor(maxCommitBytes: number) {
    this.#maxCommitBytes = maxCommitBytes
  }

  /** Units that wait. */
  get size(): number {
    return this.#entries.length
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** A commit has returned: what had to wait for it may go. */
  freshen(): void {
    if (this.#entries.length > 0) this.#isFresh = true
  }

  /** Bytes of the plain units at the front that a commit beside the other one would take, counted up to `enough`. */
  bytesBeside({ partitionIds }: Beside, enough: number): number {
    if (this.bytes < enough) return 0
    const blocked = new Set(partitionIds)
    let bytes = 0
    for (const entry of this.#entries) {
      const { participant } = entry
      if (participant.isPlain !== true || bytes >= enough) break
      if (entry.isPrepared && !touches(entry, blocked)) bytes += participant.bytes
      else for (const partitionId of participant.partitionIds ?? []) blocked.add(partitionId)
    }
    return bytes
  }

  /** Whether there is anything to be done with one of them: each of another reign is to be refused. */
  isDue(reign: number | undefined): boolean {
    const first = this.#entries[0]
    return first !== undefined && (this.#isFresh || first.reign !== reign)
  }

  add(
    participant: Participant<unknown>,
    reign: number,
    deadlineMs: number,
    tell: (error: KafkaError | undefined) => void
  ): Entry {
    const entry = new Entry(participant, reign, deadlineMs, tell)
    this.#entries.push(entry)
    this.#count(participant, 1)
    if (entry.isPrepared) this.#isFresh = true
    return entry
  }

  prepared(entry: Entry, failure: StoreError | undefined): void {
    if (entry.isPrepared) return
    entry.isPrepared = true
    entry.failure = failure
    this.#isFresh = true
    if (failure !== undefined) this.#failed++
  }

  /** Takes off all that were submitted in another reign. */
  takeOthers(reign: number | undefined): ReadonlyArray<Entry> {
    // In order of reigns: the first tells of all.
    if (this.#entries.length === 0 || this.#entries[0]!.reign === reign) return []
    return this.#takeIf((entry) => entry.reign !== reign)
  }

  takeAll(): ReadonlyArray<Entry> {
    return this.#takeIf(() => true)
  }

  /** Takes off those for which what they need could not be read. */
  takeFailed(): ReadonlyArray<Entry> {
    return this.#failed === 0 ? [] : this.#takeIf(({ failure }) => failure !== undefined)
  }

  expire(nowMs: number): void {
    for (const entry of this.#entries) entry.expire(nowMs)
  }

  /**
   * Has units decided in order, as long as they fit into a commit; at least one. What is too much, and what waits for its
   * preparation, is left where it was. `decide` gives the writes of a unit that is part of the commit, or undefined. `beside`:
   * the commit that is in flight: plain units alone that touch none of its partitions, and none that came behind another one.
   */
  assemble(decide: (entry: Entry) => Unit | undefined, retract: (entry: Entry) => void, beside?: Beside): Assembled {
    const entries = this.#entries
    const joined: Array<Entry> = []
    const units: Array<Unit> = []
    const left: Array<Entry> = []
    const blocked = new Set<number>(beside?.partitionIds)
    let bytes = 0
    let next = 0
    /** By the other commit: looking once more is of no use before that returns. */
    let isHeldUp = false
    this.#isFresh = false
    for (; next < entries.length; next++) {
      const entry = entries[next]!
      if (beside !== undefined && entry.participant.isPlain !== true) {
        isHeldUp = true
        break
      }
      if (!entry.isPrepared || touches(entry, blocked)) {
        for (const partitionId of entry.participant.partitionIds ?? []) blocked.add(partitionId)
        left.push(entry)
        continue
      }
      if (joined.length > 0 && bytes + entry.participant.bytes > this.#maxCommitBytes) break
      const unit = decide(entry)
      if (unit === undefined) {
        this.#count(entry.participant, -1)
        continue
      }
      const size = unitBytes(unit)
      if (joined.length > 0 && bytes + size > this.#maxCommitBytes) {
        retract(entry)
        break
      }
      bytes += size
      this.#count(entry.participant, -1)
      joined.push(entry)
      units.push(unit)
    }
    if (next < entries.length && !isHeldUp) this.#isFresh = true
    // Units that were added while deciding stand at the end of the same list.
    this.#entries = left.length === 0 ? entries.slice(next) : left.concat(entries.slice(next))
    return { joined, units, bytes }
  }

  #count({ bytes, objectBytes = 0 }: Participant<unknown>, sign: 1 | -1): void {
    this.bytes += sign * bytes
    this.objectBytes += sign * objectBytes
  }

  #takeIf(wanted: (entry: Entry) => boolean): ReadonlyArray<Entry> {
    const taken: Array<Entry> = []
    const left: Array<Entry> = []
    for (const entry of this.#entries) (wanted(entry) ? taken : left).push(entry)
    this.#entries = left
    for (const entry of taken) {
      this.#count(entry.participant, -1)
      if (entry.failure !== undefined) this.#failed--
      entry.isPrepared = true
    }
    return taken
  }
}

const touches = ({ participant }: Entry, partitionIds: ReadonlySet<number>): boolean =>
  partitionIds.size > 0 && participant.partitionIds?.some((partitionId) => partitionIds.has(partitionId)) === true
