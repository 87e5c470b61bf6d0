import * as Effect from "effect/Effect"
import { Pace } from "../security/quota/Pace.ts"
import type { Deadlines } from "../request/Deadlines.ts"
import { ByHost } from "./ByHost.ts"
import type { Peer } from "./OpenConnection.ts"

/** A socket that was accepted, of which nothing is read yet. */
export interface Arrival extends Pick<Peer, "clientHost" | "onGone"> {
  readonly listener: string
  /** Begins to read ahead, without a reader: `onGone` tells from then on, too. */
  readonly look: () => void
}

/** A connection that has come and waits for its turn. */
interface Waiting extends Pick<Arrival, "clientHost" | "look"> {
  readonly go: (admitted: boolean) => void
}

interface Queue {
  readonly pace: Pace
  /** Whose turn is soon: they are looked at. */
  readonly near: ByHost<Waiting>
  readonly far: ByHost<Waiting>
}

/** So many of a listener's are looked at: each keeps what its client says, up to a third of a megabyte. */
const NEAR = 32

/**
 * Lets connections begin at a pace, before anything is done for them: the broker's, and that of their listener. Hosts take
 * turns, so that many connections of one hold up its own. One whose client has gone leaves the queue, and its turn is the next
 * one's; as that is seen of sockets alone that are read from, it is so for those whose turn is soon.
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
    for (const { far, near } of this.#queues.values()) count += near.size + far.size
    return count
  }

  /** Returns when the connection may begin; false: it is not to begin any more. */
  turn({ clientHost, listener, look, onGone }: Arrival, perSecond: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (!this.#isOpen) return Effect.succeed(false)
      const queue = this.#queueOf(listener, perSecond)
      if (queue.near.size === 0 && this.#waitMs(queue) === 0) {
        this.#take(queue)
        return Effect.succeed(true)
      }
      return Effect.callback<boolean>((resume) => {
        const waiting = { clientHost, look, go: (admitted: boolean) => resume(Effect.succeed(admitted)) }
        queue.far.add(waiting)
        onGone(() => {
          if (leave(queue, waiting)) waiting.go(false)
        })
        approach(queue)
        this.#ringLater()
        return Effect.sync(() => void leave(queue, waiting))
      })
    })
  }

  /** Nobody begins any more. */
  close(): void {
    this.#isOpen = false
    for (const { far, near } of this.#queues.values()) {
      for (const place of [near, far]) {
        for (let next = place.take(); next !== undefined; next = place.take()) next.go(false)
      }
    }
  }

  #queueOf(listener: string, perSecond: number): Queue {
    let queue = this.#queues.get(listener)
    if (queue === undefined) {
      this.#queues.set(listener, (queue = { pace: new Pace(perSecond), near: new ByHost(), far: new ByHost() }))
    }
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
        if (queue.near.size === 0 || this.#waitMs(queue) > 0) continue
        const next = queue.near.take()!
        this.#take(queue)
        approach(queue)
        isMore = true
        next.go(true)
      }
    }
    this.#ringLater()
  }

  #ringLater(): void {
    if (this.#isRinging) return
    let waitMs = Infinity
    for (const queue of this.#queues.values()) {
      if (queue.near.size > 0) waitMs = Math.min(waitMs, this.#waitMs(queue))
    }
    if (waitMs === Infinity) return
    this.#isRinging = true
    this.#deadlines.at(this.#nowMs() + waitMs, () => {
      this.#isRinging = false
      this.#admit()
    })
  }
}

/** Fills the places near the gate. */
const approach = ({ far, near }: Queue): void => {
  while (near.size < NEAR && far.size > 0) {
    const next = far.take()!
    near.add(next)
    next.look()
  }
}

/** False if it does not wait. */
const leave = (queue: Queue, waiting: Waiting): boolean => {
  if (queue.far.delete(waiting)) return true
  if (!queue.near.delete(waiting)) return false
  approach(queue)
  return true
}
