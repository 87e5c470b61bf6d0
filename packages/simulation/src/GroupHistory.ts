/** What members of classic and consumer groups were told: generations, owners, places of static members. */
export class GroupHistory {
  readonly #violate: (invariant: string, text: string) => void
  readonly #owners = new Map<string, string>()
  /** Members that had a static member's place: when each asked, and when it was told. */
  readonly #holders = new Map<string, Map<string, { readonly startMs: number; readonly endMs: number }>>()
  /** Members that ever asked for a static member's place. */
  readonly #claimants = new Map<string, Set<string>>()
  readonly #generations = new Map<string, number>()
  /** Owners in consumer groups, by group and partition; and until when each is a member for sure. */
  readonly #holds = new Map<string, string>()
  readonly #membersUntil = new Map<string, number>()

  constructor(violate: (invariant: string, text: string) => void) {
    this.#violate = violate
  }

  /** A failover lost what groups came to: the same generation may begin again, with other members. */
  forget(): void {
    for (const known of [this.#owners, this.#holders, this.#generations, this.#holds, this.#membersUntil]) known.clear()
  }

  /**
   * A generation counts from its first assignment on: until then it is not stored, and a broker that takes over goes on
   * with the one before it, as in Kafka. `before`: the newest generation that any member knew of when the request was sent.
   */
  joined(group: string, generation: number, before: number, member: string): void {
    if (generation < before) {
      this.#violate("G5", `${member} is told generation ${generation} of ${group} after generation ${before} began`)
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
        this.#violate("G1", `${owner} and ${member} own partition ${partition} in generation ${generation} of ${group}`)
      }
    }
  }

  /** A member of a consumer group was told that it is one, and is for so long, unless it leaves. */
  isMember(group: string, member: string, untilMs: number): void {
    this.#membersUntil.set(`${group}/${member}`, untilMs)
  }

  /** A member of a KIP-848 group was given partitions: the one that had them gave them up, or is no member any more. */
  takes(group: string, member: string, partitions: ReadonlyArray<number>, nowMs: number): void {
    for (const partition of partitions) {
      const key = `${group}/${partition}`
      const holder = this.#holds.get(key)
      this.#holds.set(key, member)
      if (holder === undefined || holder === member) continue
      const untilMs = this.#membersUntil.get(`${group}/${holder}`) ?? -Infinity
      if (nowMs < untilMs)
        this.#violate("G1", `${member} is given partition ${partition} of ${group}, which ${holder} owns`)
    }
  }

  gives(group: string, member: string, partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) {
      const key = `${group}/${partition}`
      if (this.#holds.get(key) === member) this.#holds.delete(key)
    }
  }

  /** Before a member asks for a static member's place. */
  claims(group: string, instanceId: string, name: string): void {
    const key = `${group}/${instanceId}`
    const names = this.#claimants.get(key)
    if (names === undefined) this.#claimants.set(key, new Set([name]))
    else names.add(name)
  }
  /** Whether it may have lost its place to another one of the same name, which may have left since. */
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
}
