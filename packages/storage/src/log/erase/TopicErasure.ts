import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Active } from "../../commit/Active.ts"
import type { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Erasures, ErasurePass, ErasureProgress } from "../../port/Erasures.ts"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Topic, Topics } from "../../topics/Topics.ts"
import type { Log } from "../Log.ts"
import type { Rewriting, RewritingInReign } from "../rewriting/Rewriting.ts"
import type { EraseOptions } from "./EraseOptions.ts"
import { ErasedKeys, nextInLog } from "./ErasePlan.ts"
import type { PartitionState } from "./ErasePlan.ts"
import type { Pace } from "./Pace.ts"
import { isUnreadable } from "./PartitionErasure.ts"
import type { EraseStep } from "./PartitionErasure.ts"
import type { EraseRows } from "./eraseRows.ts"

/** What a topic's keys are erased with. */
export interface TopicErasurePorts {
  readonly erasures: Erasures
  readonly active: Pick<Active["Service"], "proven">
  readonly store: Pick<Store["Service"], "sizes">
  readonly topics: Pick<Topics["Service"], "byId" | "ofPartition">
  readonly log: Pick<Log["Service"], "ends">
  readonly committer: Pick<Committer["Service"], "submit">
  readonly rewriting: Pick<Rewriting["Service"], "inReign">
  readonly step: EraseStep
  readonly rows: EraseRows
  readonly pace: Pace
  readonly options: EraseOptions
  readonly nowMs: () => number
  /** A pass is done with. */
  readonly finished: () => void
}

/** What came of a look at a topic: it may go on at once, it waits for something, or there is nothing more. */
export type Outcome = "GoesOn" | "Waits" | "Over"

type Failure = KafkaError | StoreError

/** A pass whose moment has come. */
type BegunPass = ErasurePass & { readonly partitions: ReadonlyArray<ErasureProgress> }

const isBegun = (pass: ErasurePass): pass is BegunPass => pass.partitions !== undefined

/** Carries out what is asked for one topic, pass after pass, as far as it goes now. */
export class TopicErasure {
  readonly #ports: TopicErasurePorts
  readonly #topicId: string
  /** As SQL knows it. */
  #told: { readonly passId: bigint; readonly why: string | undefined } | undefined
  /** Since when records in the outbox are waited for. */
  #awaited: { readonly passId: bigint; readonly sinceMs: number } | undefined

  constructor(ports: TopicErasurePorts, topicId: string) {
    this.#ports = ports
    this.#topicId = topicId
  }

  readonly look: Effect.Effect<Outcome, Failure> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const { erasures, rewriting } = this.#ports
      // What this reign finds is for it to carry out.
      const reign = rewriting.inReign()
      const pass = yield* erasures.pass(this.#topicId)
      if (pass === undefined) return "Over"
      const topic = this.#ports.topics.byId(this.#topicId)
      if (!isBegun(pass)) return yield* this.#begin(pass, topic)
      const waits = yield* this.#logs(pass, reign)
      if (waits === "GoesOn") return waits
      const why = waits ?? (yield* this.#rows(pass))
      return why === undefined ? yield* this.#finish(pass) : yield* this.#wait(pass, why)
    })
  )

  /** Its moment is when all that SQL sent before it has come into the log. */
  readonly #begin = Effect.fnUntraced({ self: this }, function* (pass: ErasurePass, topic: Topic | undefined) {
    const { active, committer, erasures, log } = this.#ports
    // Of a topic that is deleted everything goes.
    const ids = topic?.partitionIds ?? pass.partitionIds
    if (topic !== undefined && (yield* erasures.isAwaited(pass, ids))) return yield* this.#await(pass, ids)
    if (topic === undefined) yield* erasures.discard(pass, ids)
    // Behind this, memory knows of all that was stored before it.
    yield* committer.submit(writing([]), Infinity)
    const found = topic === undefined ? [] : yield* log.ends(ids)
    const ends: Array<{ readonly partitionId: number; readonly endOffset: bigint }> = []
    for (const [i, partitionId] of ids.entries()) {
      const end = found[i]
      if (end !== undefined && isKafkaError(end)) return yield* end
      ends.push({ partitionId, endOffset: end?.highWatermark ?? 0n })
    }
    // A broker that has lost the lock does not know of what was appended since.
    yield* active.proven
    yield* erasures.begin(pass, ends)
    return "GoesOn" as const
  })

  /** The broker appends them by itself; what it cannot append is not left where it is. */
  readonly #await = Effect.fnUntraced({ self: this }, function* (pass: ErasurePass, ids: ReadonlyArray<number>) {
    const nowMs = this.#ports.nowMs()
    if (this.#awaited?.passId !== pass.passId) this.#awaited = { passId: pass.passId, sinceMs: nowMs }
    if (nowMs - this.#awaited.sinceMs < this.#ports.options.outboxMs) return "Waits" as const
    yield* this.#ports.erasures.discard(pass, ids)
    return yield* this.#wait(pass, "records of kafka.produce are not in the log yet: see kafka.outbox_lag")
  })

  /** "GoesOn": this topic has had its turn. A text: what a log waits for. Undefined: all are done. */
  readonly #logs = Effect.fnUntraced({ self: this }, function* (pass: BegunPass, reign: RewritingInReign) {
    const keys = new ErasedKeys(pass.requests.map(({ key }) => key))
    let left = this.#ports.options.sliceBytes
    let waits: string | undefined
    for (const progress of pass.partitions) {
      let at = progress
      while (true) {
        const next = nextInLog(at, yield* this.#state(at.partitionId))
        if (next._tag === "Over") break
        if (next._tag === "Wait") {
          waits ??= `${this.#nameOf(at.partitionId)}: ${next.why}`
          break
        }
        if (left <= 0) return "GoesOn" as const
        const { end, from } = next
        const range = { partitionId: at.partitionId, from, end }
        const [took, step] = yield* Effect.timed(this.#ports.step(range, keys, reign))
        if (isUnreadable(step)) {
          waits ??= `${this.#nameOf(at.partitionId)}: the batch at offset ${step.offset} cannot be opened: ${step.error._tag}`
          break
        }
        // Another broker has taken over, and goes on from where it finds it.
        if (!(yield* this.#ports.erasures.advance(pass, step))) return "GoesOn" as const
        if (this.#told?.why !== undefined) yield* this.#tell(pass, undefined)
        at = { ...at, nextOffset: step.to }
        left -= step.lookedBytes
        yield* this.#ports.pace.passed(step.lookedBytes, Duration.toMillis(took))
      }
    }
    return waits
  })

  /** What is kept of the records elsewhere in the database; a text: what it waits for. */
  readonly #rows = Effect.fnUntraced({ self: this }, function* (pass: BegunPass) {
    let waits: string | undefined
    for (const { endOffset, partitionId } of pass.partitions) {
      const isDeleted = this.#ports.topics.ofPartition(partitionId) === undefined
      const why = yield* this.#ports.rows(pass, partitionId, isDeleted ? undefined : endOffset)
      if (why !== undefined) waits ??= `${this.#nameOf(partitionId)}: ${why}`
    }
    return waits
  })

  readonly #state = Effect.fnUntraced({ self: this }, function* (partitionId: number) {
    const { active, log, store, topics } = this.#ports
    if (topics.ofPartition(partitionId) === undefined) {
      // For one that has lost the lock it may be a new one.
      yield* active.proven
      const [first] = yield* store.sizes(partitionId, 0n, 1)
      return { _tag: "Deleted", isEmpty: first === undefined } satisfies PartitionState
    }
    const [end] = yield* log.ends([partitionId])
    if (end === undefined || isKafkaError(end)) return yield* end!
    return { _tag: "Stable", upTo: end.lastStableOffset } satisfies PartitionState
  })

  #wait(pass: ErasurePass, why: string): Effect.Effect<Outcome, StoreError> {
    return Effect.as(this.#tell(pass, why), "Waits")
  }

  /** Lets SQL know, if it is news. */
  readonly #tell = Effect.fnUntraced({ self: this }, function* (pass: ErasurePass, why: string | undefined) {
    const { passId } = pass
    if (this.#told?.passId === passId && this.#told.why === why) return
    yield* this.#ports.erasures.tell(pass, why)
    this.#told = { passId, why }
  })

  readonly #finish = Effect.fnUntraced({ self: this }, function* (pass: BegunPass) {
    yield* this.#ports.erasures.finish(pass)
    this.#ports.finished()
    const name = this.#ports.topics.byId(this.#topicId)?.name ?? this.#topicId
    yield* Effect.logInfo(`erased ${pass.requests.length} keys of topic ${name}`)
    return "GoesOn" as const
  })

  #nameOf(partitionId: number): string {
    const found = this.#ports.topics.ofPartition(partitionId)
    return found === undefined ? `partition ${partitionId}` : `${found.topic.name}-${found.index}`
  }
}
