import * as Effect from "effect/Effect"
import { Pace } from "../security/quota/Pace.ts"
import type { Deadlines } from "../request/Deadlines.ts"

/** A connection that has come and waits for its turn. */
interface Waiting {
  readonly go: (admitted: boolean) => void
}

interface Queue {
  readonly pace: Pace
  /** In order of arrival. */
  readonly waiting: Set<Waiting>
}

/** Tells once that no more will come from a client. */
type OnGone = (gone: () => void) => void

/**
 * Lets connections begin at a pace, before anything is done for them: the broker's, and that of their listener. One whose client
 * has gone leaves the queue, so that its turn is the next one's.
 */
export class Turnstile {
  readonly #all: Pace
  readonly #queues = new Map<string, Queue>()
  readonly #deadlines: Deadlines["Service"]
  readonly #nowMs: () => number
  #isOpen = true
  #isRinging = false

  constructor(perSecond: number, deadlines: Deadlines["Service"], nowMs: () => number) {
    this.#all = new Pace(perSecond)
    this.#deadlines = deadlines
    this.#nowMs = nowMs
  }

  /** How many wait. */
  get waiting(): number {
    let count = 0
    for (const { waiting } of this.#queues.values()) count += waiting.size
    return count
  }

  /** Returns when the connection may begin; false: it is not to begin any more. */
  turn(listener: string, perSecond: number, onGone: OnGone): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (!this.#isOpen) return Effect.succeed(false)
      const queue = this.#queueOf(listener, perSecond)
      if (queue.waiting.size === 0 && this.#waitMs(queue) === 0) {
        this.#take(queue)
        return Effect.succeed(true)
      }
      return Effect.callback<boolean>((resume) => {
        const waiting = { go: (admitted: boolean) => resume(Effect.succeed(admitted)) }
        queue.waiting.add(waiting)
        onGone(() => {
          if (queue.waiting.delete(waiting)) waiting.go(false)
        })
        this.#ringLater()
        return Effect.sync(() => void queue.waiting.delete(waiting))
      })
    })
  }

  /** Nobody begins any more. */
  close(): void {
    this.#isOpen = false
    for (const { waiting } of this.#queues.values()) {
      for (const each of Array.from(waiting)) each.go(false)
      waiting.clear()
    }
  }

  #queueOf(listener: string, perSecond: number): Queue {
    const queue = this.#queues.get(listener) ?? { pace: new Pace(perSecond), waiting: new Set<Waiting>() }
    this.#queues.set(listener, queue)
    return queue
  }

  #waitMs({ pace }: Queue): number {
    const nowMs = this.#nowMs()
    return Math.max(this.#all.waitMs(nowMs), pace.waitMs(nowMs))
  }

  #take({ pace }: Queue): void {
    this.#all.take()
    pace.take()
  }

  /** One of each listener after the other, as long as there is a turn. */
  #admit(): void {
    for (let isMore = true; isMore;) {
      isMore = false
      for (const queue of this.#queues.values()) {
        const [first] = queue.waiting
        if (first === undefined || this.#waitMs(queue) > 0) continue
        this.#take(queue)
        queue.waiting.delete(first)
        isMore = true
        first.go(true)
      }
    }
    this.#ringLater()
  }

  #ringLater(): void {
    if (this.#isRinging) return
    let waitMs = Infinity
    for (const queue of this.#queues.values()) {
      if (queue.waiting.size > 0) waitMs = Math.min(waitMs, this.#waitMs(queue))
    }
    if (waitMs === Infinity) return
    this.#isRinging = true
    this.#deadlines.at(this.#nowMs() + waitMs, () => {
      this.#isRinging = false
      this.#admit()
    })
  }
}
