import * as Effect from "effect/Effect"
import { makeSignal } from "../../../src/Signal.ts"
import type { ErasurePass, ErasureProgress, Erasures, ErasureStep } from "../../../src/port/Erasures.ts"

interface Request {
  readonly erasureId: bigint
  readonly topicId: string
  readonly partitionIds: ReadonlyArray<number>
  readonly key: Uint8Array
  pass: Pass | undefined
  /** Records that went, once all are gone. */
  records: number | undefined
}

interface Pass {
  readonly passId: bigint
  readonly topicId: string
  partitions: Array<ErasureProgress> | undefined
  waitsFor: string | undefined
}

/** What is asked to be erased, in memory, without SQL. */
export class MemoryErasures {
  readonly requests: Array<Request> = []
  readonly passes: Array<Pass> = []
  readonly steps: Array<ErasureStep> = []
  /** Whether records of SQL sessions are still to come into the log. */
  isAwaited = false
  discarded = 0
  #passIds = 0n
  readonly #changed = makeSignal()
  /** Whether `ask` wakes the broker: else a test has it look. */
  readonly #wakes: boolean
  #isAsked = false

  constructor(wakes = false) {
    this.#wakes = wakes
  }
  vacuums = 0
  /** Runs before a step is noted. */
  beforeAdvance: Effect.Effect<void> = Effect.void

  ask(topicId: string, partitionIds: ReadonlyArray<number>, key: string): bigint {
    const erasureId = BigInt(this.requests.length + 1)
    const asked = { erasureId, topicId, partitionIds, key: Buffer.from(key) }
    this.requests.push({ ...asked, pass: undefined, records: undefined })
    this.#isAsked = true
    this.#changed.notify()
    return erasureId
  }

  /** Returns once all is done. */
  get allDone(): Effect.Effect<void> {
    return this.#changed.until(() => this.#open().length === 0)
  }

  /** Records that went, of each request that is done with. */
  get done(): ReadonlyArray<number | undefined> {
    return this.requests.map(({ records }) => records)
  }

  get waitsFor(): ReadonlyArray<string | undefined> {
    return this.passes.map(({ waitsFor }) => waitsFor)
  }

  readonly port: Erasures = {
    topics: Effect.sync(() => {
      this.#isAsked = false
      return Array.from(new Set(this.#open().map(({ topicId }) => topicId)))
    }),
    woken: (limitMs) =>
      this.#wakes
        ? Effect.raceFirst(
            this.#changed.until(() => this.#isAsked),
            Effect.sleep(limitMs)
          )
        : Effect.never,
    pass: (topicId) => Effect.sync(() => this.#pass(topicId)),
    isAwaited: () => Effect.sync(() => this.isAwaited),
    discard: () =>
      Effect.sync(() => {
        this.discarded++
        this.isAwaited = false
      }),
    begin: ({ passId }, ends) =>
      Effect.sync(() => {
        const pass = this.passes.find((one) => one.passId === passId)!
        const records = this.#of(pass).map(() => 0)
        pass.partitions ??= ends.map((end) => ({ ...end, nextOffset: 0n, records, bytes: 0n }))
      }),
    advance: ({ passId }, step) =>
      Effect.andThen(
        Effect.suspend(() => this.beforeAdvance),
        Effect.sync(() => this.#advance(passId, step))
      ),
    rows: () => Effect.undefined,
    tell: ({ passId }, waitsFor) =>
      Effect.sync(() => {
        this.passes.find((one) => one.passId === passId)!.waitsFor = waitsFor
      }),
    finish: ({ passId }) =>
      Effect.sync(() => {
        const at = this.passes.findIndex((one) => one.passId === passId)
        const pass = this.passes[at]!
        this.#of(pass).forEach((request, place) => {
          request.records = pass.partitions!.reduce((sum, { records }) => sum + records[place]!, 0)
        })
        this.passes.splice(at, 1)
        this.#changed.notify()
      }),
    vacuum: Effect.sync(() => {
      this.vacuums++
    })
  }

  #open(): ReadonlyArray<Request> {
    return this.requests.filter(({ records }) => records === undefined)
  }

  #of(pass: Pass): ReadonlyArray<Request> {
    return this.#open().filter((request) => request.pass === pass)
  }

  #pass(topicId: string): ErasurePass | undefined {
    const open = this.#open().filter((request) => request.topicId === topicId)
    if (open.length === 0) return undefined
    let pass = this.passes.find((one) => one.topicId === topicId)
    if (pass === undefined) {
      pass = { passId: ++this.#passIds, topicId, partitions: undefined, waitsFor: undefined }
      this.passes.push(pass)
      for (const request of open) request.pass = pass
    }
    return {
      passId: pass.passId,
      topicId,
      partitionIds: Array.from(new Set(open.flatMap(({ partitionIds }) => partitionIds))),
      requests: this.#of(pass).map(({ erasureId, key }) => ({ erasureId, key })),
      partitions: pass.partitions?.slice(),
      snapshot: ""
    }
  }

  #advance(passId: bigint, step: ErasureStep): boolean {
    const partitions = this.passes.find((one) => one.passId === passId)?.partitions ?? []
    const at = partitions.findIndex(({ partitionId }) => partitionId === step.partitionId)
    const progress = partitions[at]
    if (progress === undefined || progress.nextOffset !== step.from) return false
    partitions[at] = {
      ...progress,
      nextOffset: step.to,
      records: progress.records.map((records, place) => records + step.records[place]!),
      bytes: progress.bytes + BigInt(step.bytes)
    }
    this.steps.push(step)
    return true
  }
}
