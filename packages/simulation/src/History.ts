import { SHARE_LOCK_MS } from "./ShareMember.ts"

/** One produced record, by its value, which is never given twice. */
interface Produced {
  readonly producer: string
  readonly partition: number
  readonly order: number
  /** `forbidden`: the broker has to refuse it. */
  readonly kind: "idempotent" | "plain" | "forbidden"
  acknowledgedAt: number | undefined
  readAt: number | undefined
}

/** Consecutive records that a member of a share group acquired with a request. */
interface Shared {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly member: string
  readonly startMs: number
  readonly nowMs: number
}

interface Commit {
  readonly id: string
  readonly startMs: number
  /** Infinity: nobody knows when it happened, if ever. */
  endMs: number
  outcome: "ok" | "unknown" | "refused"
}

/** What clients saw. Whatever contradicts an invariant of reliability.md, section 1, becomes a violation at once, the rest at the end. */
export class History {
  readonly violations: Array<string> = []
  readonly #produced = new Map<string, Produced>()
  /** By partition, then offset. */
  readonly #records = new Map<number, Map<number, string>>()
  readonly #highWatermarks = new Map<string, number>()
  readonly #owners = new Map<string, string>()
  /** Who has had a static member's place: when it asked, and when it was told. */
  readonly #holders = new Map<string, Map<string, { readonly startMs: number; readonly endMs: number }>>()
  /** Who ever asked for a static member's place. */
  readonly #claimants = new Map<string, Set<string>>()
  readonly #generations = new Map<string, number>()
  /** Who holds a record of a share group, until when for sure; and when it was done with. */
  readonly #shared = new Map<
    string,
    { readonly member: string; readonly untilMs: number; readonly holds: () => boolean }
  >()
  readonly #finished = new Map<string, number>()
  /** Owners in consumer groups, by group and partition; and until when each is a member for sure. */
  readonly #holds = new Map<string, string>()
  readonly #membersUntil = new Map<string, number>()
  readonly #commits = new Map<string, Array<Commit>>()

  violate(invariant: string, text: string): void {
    if (this.violations.length < 20) this.violations.push(`${invariant}: ${text}`)
  }

  // ---- producing

  sends(kind: Produced["kind"], producer: string, partition: number, order: number, value: string): void {
    this.#produced.set(value, { producer, partition, order, kind, acknowledgedAt: undefined, readAt: undefined })
  }

  acknowledged(value: string, offset: number): void {
    const produced = this.#produced.get(value)!
    if (produced.kind === "forbidden") this.violate("I2", `${value} was accepted at ${offset}`)
    if (produced.acknowledgedAt !== undefined && produced.acknowledgedAt !== offset) {
      this.violate("I1", `${value} was acknowledged at ${produced.acknowledgedAt} and at ${offset}`)
    }
    produced.acknowledgedAt = offset
    const read = this.#records.get(produced.partition)?.get(offset)
    if (read !== undefined && read !== value) {
      this.violate("L1", `partition ${produced.partition} offset ${offset}: read ${read}, acknowledged ${value}`)
    }
  }

  // ---- reading

  read(reader: string, partition: number, offset: number, value: string): void {
    let records = this.#records.get(partition)
    if (records === undefined) this.#records.set(partition, (records = new Map()))
    const before = records.get(offset)
    if (before === value) return
    if (before !== undefined) {
      this.violate("L1", `partition ${partition} offset ${offset} was ${before}, ${reader} reads ${value}`)
    }
    records.set(offset, value)
    const produced = this.#produced.get(value)
    if (produced === undefined || produced.partition !== partition) {
      return this.violate("L1", `${reader} reads ${value} in partition ${partition}, where nobody sent it`)
    }
    if (produced.kind === "forbidden") this.violate("I2", `${reader} reads ${value}, which had to be refused`)
    if (produced.readAt !== undefined && produced.readAt !== offset) {
      this.violate("L4", `${value} lies at ${produced.readAt} and at ${offset} of partition ${partition}`)
    }
    produced.readAt = offset
    if (produced.acknowledgedAt !== undefined && produced.acknowledgedAt !== offset) {
      this.violate("L3", `${value} was acknowledged at ${produced.acknowledgedAt}, ${reader} reads it at ${offset}`)
    }
  }

  /** An answer's records do not begin where they were asked for, or do not follow each other. */
  skipped(reader: string, partition: number, expected: number, offset: number): void {
    this.violate("L2", `${reader} reads offset ${offset} of partition ${partition} where ${expected} is next`)
  }

  /** On one connection the high watermark only rises. */
  highWatermark(connection: string, partition: number, offset: number): void {
    const key = `${connection}/${partition}`
    const before = this.#highWatermarks.get(key) ?? -1
    if (offset < before) this.violate("L6", `high watermark of partition ${partition} fell from ${before} to ${offset}`)
    this.#highWatermarks.set(key, offset)
  }

  // ---- groups

  /**
   * A generation counts from its first assignment on: until then it is not stored, and a broker that takes over goes on
   * with the one before it, as in Kafka. `before`: the newest generation that anybody knew of when the request was sent.
   */
  joined(group: string, generation: number, before: number, member: string): void {
    if (generation < before) {
      this.violate("G5", `${member} is told generation ${generation} of ${group} after generation ${before} began`)
    }
    this.#generations.set(group, Math.max(generation, this.generation(group)))
  }

  /** The newest generation that some member was told of. */
  generation(group: string): number {
    return this.#generations.get(group) ?? -1
  }

  assigned(group: string, generation: number, member: string, partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) {
      const key = `${group}/${generation}/${partition}`
      const owner = this.#owners.get(key) ?? member
      this.#owners.set(key, owner)
      if (owner !== member) {
        this.violate("G1", `${owner} and ${member} own partition ${partition} in generation ${generation} of ${group}`)
      }
    }
  }

  /** A member of a consumer group was told that it is one, and is for so long, unless it leaves. */
  isMember(group: string, member: string, untilMs: number): void {
    this.#membersUntil.set(`${group}/${member}`, untilMs)
  }

  /** A member of a consumer group (KIP-848) was given partitions: whoever had them has given them up, or is none any more. */
  takes(group: string, member: string, partitions: ReadonlyArray<number>, nowMs: number): void {
    for (const partition of partitions) {
      const key = `${group}/${partition}`
      const holder = this.#holds.get(key)
      this.#holds.set(key, member)
      if (holder === undefined || holder === member) continue
      const untilMs = this.#membersUntil.get(`${group}/${holder}`) ?? -Infinity
      if (nowMs < untilMs)
        this.violate("G1", `${member} is given partition ${partition} of ${group}, which ${holder} owns`)
    }
  }

  gives(group: string, member: string, partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) {
      const key = `${group}/${partition}`
      if (this.#holds.get(key) === member) this.#holds.delete(key)
    }
  }

  /**
   * Records were acquired in a share group. Whoever holds them has let them go, or its lock is over, or what the broker
   * knew of it is lost (`holds` tells whether it cannot be): and nobody gets what was accepted or rejected before it asked.
   */
  shares(group: string, taken: Shared, holds: () => boolean): void {
    for (let offset = taken.first; offset <= taken.last; offset++) {
      const key = `${group}/${taken.partition}/${offset}`
      const doneAtMs = this.#finished.get(key)
      if (doneAtMs !== undefined && doneAtMs < taken.startMs) {
        this.violate("G6", `${taken.member} is given ${key} at ${taken.startMs}, which was done with at ${doneAtMs}`)
      }
      const before = this.#shared.get(key)
      if (before !== undefined && before.member !== taken.member && before.holds() && taken.nowMs < before.untilMs) {
        this.violate("G6", `${before.member} and ${taken.member} hold ${key}`)
      }
      this.#shared.set(key, { member: taken.member, untilMs: taken.startMs + SHARE_LOCK_MS, holds })
    }
  }

  /** Before an acknowledgement is sent. */
  lets(group: string, member: string, partition: number, first: number, last: number): void {
    for (let offset = first; offset <= last; offset++) {
      const key = `${group}/${partition}/${offset}`
      if (this.#shared.get(key)?.member === member) this.#shared.delete(key)
    }
  }

  /** Accepted or rejected, and that acknowledged. */
  finishes(group: string, partition: number, first: number, last: number, nowMs: number): void {
    for (let offset = first; offset <= last; offset++) this.#finished.set(`${group}/${partition}/${offset}`, nowMs)
  }

  dropsShares(member: string): void {
    for (const [key, held] of this.#shared) if (held.member === member) this.#shared.delete(key)
  }

  /** Before somebody asks for a static member's place. */
  claims(group: string, instanceId: string, name: string): void {
    const key = `${group}/${instanceId}`
    const names = this.#claimants.get(key)
    if (names === undefined) this.#claimants.set(key, new Set([name]))
    else names.add(name)
  }
  /** Whether it may have lost its place to somebody of the same name, who may have left since. */
  hasRivals(group: string, instanceId: string | null): boolean {
    return (this.#claimants.get(`${group}/${instanceId}`)?.size ?? 0) > 1
  }

  /** A static member has its assignment, for which it asked at `startMs`; its answers may have been long on their way. */
  takesPlace(group: string, instanceId: string, memberId: string, startMs: number, endMs: number): void {
    const key = `${group}/${instanceId}`
    let holders = this.#holders.get(key)
    if (holders === undefined) this.#holders.set(key, (holders = new Map()))
    holders.set(memberId, { startMs, endMs })
  }

  /** Whether another one asked for its place after it had it, and has it now. */
  isReplaced(group: string, instanceId: string | null, memberId: string): boolean {
    const holders = this.#holders.get(`${group}/${instanceId}`)
    const holder = holders?.get(memberId)
    if (holders === undefined || holder === undefined) return false
    return Array.from(holders.values()).some(({ startMs }) => startMs > holder.endMs)
  }

  /** Before a commit is sent. `newest`: the newest generation that anybody knew of then. */
  commits(group: string, partition: number, id: string, nowMs: number): Commit {
    const key = `${group}/${partition}`
    let commits = this.#commits.get(key)
    if (commits === undefined) this.#commits.set(key, (commits = []))
    const commit: Commit = { id, startMs: nowMs, endMs: Infinity, outcome: "unknown" }
    commits.push(commit)
    return commit
  }

  /** `replaced`: when it was sent, another one had the static member's place. */
  committed(commit: Commit, group: string, generation: number, newest: number, replaced: boolean, nowMs: number): void {
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

  /** `id` is null where no offset was committed. */
  fetched(reader: string, group: string, partition: number, id: string | null, startMs: number, nowMs: number): void {
    const commits = this.#commits.get(`${group}/${partition}`) ?? []
    const found = id === null ? undefined : commits.find((commit) => commit.id === id)
    const where = `${group} partition ${partition}`
    if (id !== null && found === undefined)
      return this.violate("G4", `${reader} fetches ${id} of ${where}, which nobody sent`)
    if (found?.outcome === "refused") this.violate("G2", `${reader} fetches ${id} of ${where}, which was refused`)
    const after = found === undefined ? -Infinity : found.endMs
    const newer = commits.find((other) => other.outcome === "ok" && other.startMs > after && other.endMs < startMs)
    if (newer !== undefined) {
      this.violate(
        "G4",
        `${reader} fetches ${id} of ${where} at ${startMs}, though ${newer.id} was acknowledged at ${newer.endMs}`
      )
    }
    // Whoever asks later sees this or a newer one.
    if (found !== undefined) found.endMs = Math.min(found.endMs, nowMs)
  }

  // ---- at the end

  /** After everything was read once more, from the first offset to `ends`. */
  finish(ends: ReadonlyMap<number, number>): void {
    for (const [partition, end] of ends) {
      const records = this.#records.get(partition) ?? new Map<number, string>()
      for (const offset of records.keys()) {
        if (offset >= end) this.violate("L6", `offset ${offset} of partition ${partition} was read, its end is ${end}`)
      }
      const last = new Map<string, number>()
      for (let offset = 0; offset < end; offset++) {
        const value = records.get(offset)
        if (value === undefined) {
          this.violate("L2", `offset ${offset} of partition ${partition} is missing`)
          continue
        }
        const produced = this.#produced.get(value)
        // Without idempotence a request may lie in a broker while the next one overtakes it on another connection.
        if (produced?.kind !== "idempotent") continue
        const before = last.get(produced.producer) ?? -1
        if (produced.order <= before) {
          this.violate("L5", `${value} lies behind record ${before} of ${produced.producer} in partition ${partition}`)
        }
        last.set(produced.producer, produced.order)
      }
    }
    for (const [value, produced] of this.#produced) {
      if (produced.acknowledgedAt === undefined || produced.readAt === produced.acknowledgedAt) continue
      this.violate("L3", `${value}, acknowledged at ${produced.acknowledgedAt}, is lost`)
    }
  }
}

export type { Commit }
