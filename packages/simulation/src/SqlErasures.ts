import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { ErasurePass, ErasureProgress, ErasureStep } from "@tusk/storage/port/Erasures"

/** What `kafka.erase` was asked. */
export interface AskedErasure {
  readonly erasureId: bigint
  readonly topicId: string
  readonly partitionIds: ReadonlyArray<number>
  readonly key: string
  readonly passId: bigint | undefined
  /** Up to these offsets of partitions its records go, once that is noted. */
  readonly ends: ReadonlyMap<number, bigint> | undefined
  readonly doneAtMs: number | undefined
  /** As they were when it was asked. */
  readonly asOf: Asking
}

export interface Asking {
  readonly timeline: string
  /** Sees what SQL sessions had sent by then. */
  readonly snapshot: string
  /** Where partitions ended. */
  readonly ends: ReadonlyMap<number, bigint>
}

interface Pass {
  readonly passId: bigint
  readonly progress: ReadonlyMap<number, ErasureProgress> | undefined
}

/** What is written of it on every server that hears of it: as it is then. */
export type ErasureChange = (erasures: SqlErasures, data: MemoryData) => void

/** Takes so many requests for a topic at a time. */
const MOST_REQUESTS = 2

/** `kafka.erasure_requests`, `erasure_passes` and `erasure_progress` of one server. */
export class SqlErasures {
  readonly #asked = new Map<bigint, AskedErasure>()
  /** By topic. */
  readonly #passes = new Map<string, Pass>()
  #lastPass = 0n

  get asked(): ReadonlyArray<AskedErasure> {
    return Array.from(this.#asked.values())
  }

  get topics(): ReadonlyArray<string> {
    return Array.from(new Set(this.#open.map(({ topicId }) => topicId)))
  }

  get #open(): ReadonlyArray<AskedErasure> {
    return this.asked.filter(({ doneAtMs }) => doneAtMs === undefined)
  }

  ask(request: AskedErasure): ErasureChange {
    return (erasures) => void erasures.#asked.set(request.erasureId, request)
  }

  /** A new pass for the topic, if there is none and something is asked. */
  take(topicId: string): ErasureChange | undefined {
    const waiting = this.#open.filter((asked) => asked.topicId === topicId).slice(0, MOST_REQUESTS)
    if (this.#passes.has(topicId) || waiting.length === 0) return undefined
    const passId = this.#lastPass + 1n
    return (erasures) => {
      erasures.#lastPass = passId
      erasures.#passes.set(topicId, { passId, progress: undefined })
      for (const request of waiting) erasures.#asked.set(request.erasureId, { ...request, passId })
    }
  }

  pass(topicId: string, snapshot: string): ErasurePass | undefined {
    const pass = this.#passes.get(topicId)
    if (pass === undefined) return undefined
    const requests = this.#of(pass.passId)
    return {
      passId: pass.passId,
      topicId,
      partitionIds: Array.from(new Set(requests.flatMap(({ partitionIds }) => partitionIds))),
      requests: requests.map(({ erasureId, key }) => ({ erasureId, key: Buffer.from(key) })),
      partitions: pass.progress && Array.from(pass.progress.values()),
      snapshot
    }
  }

  #of(passId: bigint): ReadonlyArray<AskedErasure> {
    return this.#open.filter((asked) => asked.passId === passId)
  }

  keysOf(passId: bigint): ReadonlySet<string> {
    return new Set(this.#of(passId).map(({ key }) => key))
  }

  begin(
    { passId, topicId }: ErasurePass,
    ends: ReadonlyArray<{ readonly partitionId: number; readonly endOffset: bigint }>
  ): ErasureChange | undefined {
    const pass = this.#passes.get(topicId)
    if (pass?.passId !== passId || pass.progress !== undefined) return undefined
    const requests = this.#of(passId)
    const nothing = { nextOffset: 0n, records: requests.map(() => 0), bytes: 0n }
    const progress = new Map(ends.map((end) => [end.partitionId, { ...nothing, ...end }]))
    const noted = new Map(ends.map(({ endOffset, partitionId }) => [partitionId, endOffset]))
    return (erasures) => {
      erasures.#passes.set(topicId, { passId, progress })
      for (const request of requests) erasures.#asked.set(request.erasureId, { ...request, ends: noted })
    }
  }

  /** Undefined: progress is not where the step began. */
  advance({ passId, topicId }: ErasurePass, step: ErasureStep): ErasureChange | undefined {
    const pass = this.#passes.get(topicId)
    const at = pass?.passId === passId ? pass.progress?.get(step.partitionId) : undefined
    if (at?.nextOffset !== step.from) return undefined
    const records = at.records.map((before, i) => before + step.records[i]!)
    const next = { ...at, nextOffset: step.to, records, bytes: at.bytes + BigInt(step.bytes) }
    const progress = new Map(pass!.progress).set(step.partitionId, next)
    return (erasures) => void erasures.#passes.set(topicId, { passId, progress })
  }

  finish({ passId, topicId }: ErasurePass, doneAtMs: number): ErasureChange | undefined {
    if (this.#passes.get(topicId)?.passId !== passId) return undefined
    const requests = this.#of(passId)
    return (erasures) => {
      erasures.#passes.delete(topicId)
      for (const request of requests) erasures.#asked.set(request.erasureId, { ...request, doneAtMs })
    }
  }

  copy(): SqlErasures {
    const copy = new SqlErasures()
    copy.#lastPass = this.#lastPass
    for (const [id, asked] of this.#asked) copy.#asked.set(id, asked)
    for (const [topicId, pass] of this.#passes) copy.#passes.set(topicId, pass)
    return copy
  }
}
