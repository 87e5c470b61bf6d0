/** A record where somebody saw it. */
export interface Seen {
  readonly partition: number
  readonly offset: number
  readonly epoch: number
  readonly value: string
}

interface Read extends Seen {
  readonly client: string
}

/** A value, and where its producer was told it is; `offset` below 0: stored, and where was not told. */
export interface Ack {
  readonly value: string
  readonly partition: number
  readonly offset: number
}

export interface Findings {
  /** Acknowledged, and not at its offset at the end. */
  readonly lost: ReadonlyArray<Ack>
  /** At two offsets at the end. */
  readonly doubled: ReadonlyArray<string>
  /** Before what its producer sent earlier. */
  readonly reordered: ReadonlyArray<string>
  /** One offset of a partition that showed two values, to whomever. */
  readonly twoValues: ReadonlyArray<string>
  /** A leader epoch that is lower than that of an earlier offset. */
  readonly epochsBack: ReadonlyArray<string>
  /** Ids that were given to two. */
  readonly idsTwice: ReadonlyArray<string>
  /** Consumers that were given what lies before what they had, in one assignment. */
  readonly wentBack: ReadonlyArray<string>
  /** Consumers that began anew, at the beginning or the end. */
  readonly resets: ReadonlyArray<string>
  /** There at the end, and given to no consumer of the group. */
  readonly missed: ReadonlyArray<string>
  readonly acknowledged: number
}

/** `<client>:<n>`, padded with whatever. A client writes to one partition, n rises as it sends. */
export const valueOf = (client: string, n: number, bytes = 0): string => {
  const value = `${client}:${n}`
  return value.length >= bytes ? value : `${value} ${"x".repeat(bytes - value.length - 1)}`
}

const parts = (value: string): readonly [client: string, n: number] => {
  const [client = "", n] = value.split(" ")[0]!.split(":")
  return [client, Number(n)]
}

/** What clients were told, as they were told it; and, at the end, whether it holds together. */
export class History {
  readonly acks = new Map<string, { readonly partition: number; readonly offset: number; readonly at: number }>()
  readonly reads: Array<Read> = []
  /** Codes of answers to producers, other than success. */
  readonly codes = new Map<number, number>()
  /** What went wrong for good in a client. */
  readonly errors: Array<string> = []
  /** librdkafka's producers that ended for good, as they do where records of theirs are gone, and were made anew. */
  readonly renewed: Array<string> = []
  readonly wentBack: Array<string> = []
  readonly resets: Array<string> = []
  /** Epochs that clients were told of. */
  highestEpoch = -1
  readonly #ids = new Map<string, string>()
  readonly #idsTwice: Array<string> = []
  readonly #ackTimes = new Map<string, Array<number>>()
  readonly #last = new Map<string, number>()

  /** A producer begins: from now on it has to be answered. */
  begins(client: string, at = Date.now()): void {
    this.#ackTimes.set(client, [at])
  }

  /** `offset` below 0: stored, and where is not told. */
  acked(client: string, partition: number, offset: number, value: string, at = Date.now()): void {
    this.acks.set(value, { partition, offset, at })
    const times = this.#ackTimes.get(client)
    if (times === undefined) this.#ackTimes.set(client, [at])
    else times.push(at)
  }

  refused(code: number): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
  }

  /** `assignment` changes where the consumer was given its partitions anew, and may begin at what was committed. */
  read(client: string, assignment: string, record: Seen): void {
    this.reads.push({ client, ...record })
    this.epoch(record.epoch)
    const key = `${client} ${assignment} ${record.partition}`
    const last = this.#last.get(key) ?? -1
    if (record.offset <= last) this.wentBack.push(`${client}: ${record.partition}/${record.offset} after ${last}`)
    this.#last.set(key, record.offset)
  }

  epoch(epoch: number): void {
    if (epoch > this.highestEpoch) this.highestEpoch = epoch
  }

  /** An id was given to somebody or something: never to two. */
  given(kind: string, id: string | number | bigint, to: string): void {
    const key = `${kind} ${id}`
    const before = this.#ids.get(key)
    if (before !== undefined && before !== to) this.#idsTwice.push(`${key}: ${before} and ${to}`)
    this.#ids.set(key, to)
  }

  get producers(): ReadonlyArray<string> {
    return [...this.#ackTimes.keys()]
  }

  /** The longest time without an acknowledgement that one producer saw within these moments, in milliseconds. */
  longestPause(from: number, to: number): { readonly client: string; readonly ms: number } {
    let longest = { client: "", ms: 0 }
    for (const [client, times] of this.#ackTimes) {
      if (times[0]! > to) continue
      let last = Math.max(from, times[0]!)
      for (const at of [...times, to]) {
        if (at < last) continue
        const until = Math.min(at, to)
        if (until - last > longest.ms) longest = { client, ms: until - last }
        last = until
      }
    }
    return longest
  }

  /** How long a producer has been without an acknowledgement. */
  silence(client: string): number {
    return Date.now() - (this.#ackTimes.get(client)?.at(-1) ?? 0)
  }

  check(stored: ReadonlyArray<Seen>): Findings {
    const at = new Map(stored.map((one) => [`${one.partition}/${one.offset}`, one]))
    const places = new Map<string, Array<string>>()
    for (const [place, { value }] of at) places.set(value, [...(places.get(value) ?? []), place])
    const acks = [...this.acks].map(([value, { offset, partition }]) => ({ value, partition, offset }))
    const isLost = ({ offset, partition, value }: Ack) =>
      offset < 0 ? !places.has(value) : at.get(`${partition}/${offset}`)?.value !== value
    const read = new Set(this.reads.map(({ value }) => value))
    return {
      lost: acks.filter(isLost),
      doubled: [...places]
        .filter(([, all]) => all.length > 1)
        .map(([value, all]) => `${parts(value).join(":")} at ${all}`),
      reordered: reordered(stored),
      twoValues: this.#twoValues(at),
      epochsBack: epochsBack(stored),
      idsTwice: this.#idsTwice,
      wentBack: this.wentBack,
      resets: this.resets,
      missed: [...places.keys()].filter((value) => !read.has(value)).map((value) => parts(value).join(":")),
      acknowledged: this.acks.size
    }
  }

  #twoValues(stored: ReadonlyMap<string, Seen>): ReadonlyArray<string> {
    const shown = new Map([...stored].map(([place, { value }]) => [place, value]))
    const found = new Set<string>()
    const look = (place: string, value: string) => {
      const other = shown.get(place)
      if (other === undefined) shown.set(place, value)
      else if (other !== value) found.add(`${place}: ${parts(other).join(":")} and ${parts(value).join(":")}`)
    }
    for (const { offset, partition, value } of this.reads) look(`${partition}/${offset}`, value)
    for (const [value, { offset, partition }] of this.acks) if (offset >= 0) look(`${partition}/${offset}`, value)
    return [...found]
  }
}

export const shown = ({ offset, partition, value }: Ack): string =>
  `${parts(value).join(":")} at ${partition}/${offset}`

const byOffset = (a: Seen, b: Seen): number => a.partition - b.partition || a.offset - b.offset

const reordered = (stored: ReadonlyArray<Seen>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const last = new Map<string, number>()
  for (const { offset, partition, value } of stored.toSorted(byOffset)) {
    const [client, n] = parts(value)
    const key = `${client} ${partition}`
    const before = last.get(key) ?? -1
    if (n < before) found.push(`${client}:${n} at ${partition}/${offset} after ${before}`)
    last.set(key, Math.max(before, n))
  }
  return found
}

const epochsBack = (stored: ReadonlyArray<Seen>): ReadonlyArray<string> => {
  const found: Array<string> = []
  let last: Seen | undefined
  for (const one of stored.toSorted(byOffset)) {
    if (last?.partition === one.partition && one.epoch < last.epoch)
      found.push(`${one.partition}/${one.offset} of ${one.epoch} after ${last.epoch}`)
    last = one
  }
  return found
}
