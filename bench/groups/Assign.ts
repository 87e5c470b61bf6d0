/** What a member says it owns, when it joins. */
export interface Owned {
  readonly memberId: string
  readonly partitions: ReadonlyArray<number>
  readonly generation: number
}

/** How the leader of a classic group shares out the partitions of the one topic. */
export interface Assign {
  /** The protocol's name in JoinGroup. */
  readonly name: string
  /** Members give up all before they join. */
  readonly eager: boolean
  readonly share: (partitions: number, members: ReadonlyArray<Owned>) => ReadonlyMap<string, ReadonlyArray<number>>
}

const byMemberId = (members: ReadonlyArray<Owned>) =>
  members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : a.memberId > b.memberId ? 1 : 0))

/** Partition p to the member p mod n, all anew each time. */
export const roundRobin: Assign = {
  name: "roundrobin",
  eager: true,
  share: (partitions, members) => {
    const sorted = byMemberId(members)
    return new Map(
      sorted.map(({ memberId }, index) => [
        memberId,
        Array.from({ length: partitions }, (_, p) => p).filter((p) => p % sorted.length === index)
      ])
    )
  }
}

/**
 * Balanced to within one partition and moving no more than that takes; what another owns still is given to nobody in this
 * round (KIP-429).
 */
export const cooperativeSticky: Assign = {
  name: "cooperative-sticky",
  eager: false,
  share: (partitions, members) => {
    const owner = new Map<number, Owned>()
    for (const one of members) {
      for (const partition of one.partitions) {
        // Whoever has not noticed yet that another owns it now tells an older generation (KIP-792).
        if (one.generation > (owner.get(partition)?.generation ?? -2)) owner.set(partition, one)
      }
    }
    const sorted = byMemberId(members)
      .map((one) => ({ ...one, partitions: one.partitions.filter((partition) => owner.get(partition) === one) }))
      .toSorted((a, b) => b.partitions.length - a.partitions.length)
    const least = Math.floor(partitions / sorted.length)
    let larger = partitions % sorted.length
    const kept = new Map<string, Array<number>>()
    const owned = new Set<number>()
    const quotas = new Map<string, number>()
    for (const { memberId, partitions: had } of sorted) {
      const quota = had.length > least && larger > 0 ? least + 1 : least
      if (quota > least) larger--
      quotas.set(memberId, quota)
      kept.set(memberId, had.slice(0, quota))
      for (const partition of had) owned.add(partition)
    }
    const free = Array.from({ length: partitions }, (_, p) => p).filter((p) => !owned.has(p))
    for (const { memberId } of sorted.toReversed()) {
      const own = kept.get(memberId)!
      let quota = quotas.get(memberId)!
      if (quota === least && larger > 0) {
        larger--
        quota++
      }
      own.push(...free.splice(0, Math.max(0, quota - own.length)))
    }
    return kept
  }
}
