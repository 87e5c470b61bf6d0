import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import { Chance } from "./Chance.ts"
import { EventLog } from "./EventLog.ts"

/** Milliseconds since the epoch at which every world begins: some day in 2026. */
export const START_MS = 1_780_000_000_000

/** The world ran dry or ran away: what was waited for will never come. */
export class Standstill extends Error {}

/**
 * Time, order and chance of one simulated run, in one synchronous loop: ready tasks in an order drawn from the seed; when
 * none is ready, time jumps to the next sleeper. A promise of the real event loop would never be awaited: it ends in
 * `Standstill`, and so cannot make a run differ from its replay.
 */
export class World {
  readonly chance: Chance
  readonly events = new EventLog()
  #nowMs = START_MS
  #steps = 0
  #wakeOrder = 0
  readonly #ready: Array<Task> = []
  readonly #sleepers = new SleeperHeap()
  /** Of the world itself: nothing can hold it. */
  readonly #own: View

  constructor(seed: number) {
    this.chance = new Chance(seed)
    this.#own = new View(this, "world")
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get elapsedMs(): number {
    return this.#nowMs - START_MS
  }

  get steps(): number {
    return this.#steps
  }

  /** A part of the world that can die by itself: its tasks and sleepers are dropped then. */
  view(name: string): View {
    return new View(this, name)
  }

  log(text: string): void {
    this.events.add(this.#nowMs - START_MS, text)
  }

  /** Runs until `done`, and no longer than `maxSteps`. */
  run(done: () => boolean, maxSteps: number): void {
    const limit = this.#steps + maxSteps
    while (!done()) {
      if (++this.#steps > limit) throw new Standstill(`not done after ${maxSteps} steps`)
      const ready = this.#ready
      if (ready.length > 0) {
        const at = this.chance.below(ready.length)
        const task = ready[at]!
        ready[at] = ready[ready.length - 1]!
        ready.pop()
        task.view.run(task.run)
        continue
      }
      const sleeper = this.#sleepers.take()
      if (sleeper === undefined) throw new Standstill("nothing will ever happen again")
      if (sleeper.wake === undefined || !sleeper.view.isAlive) continue
      this.#nowMs = Math.max(this.#nowMs, sleeper.atMs)
      sleeper.view.run(() => sleeper.wake?.())
    }
  }

  /** So many milliseconds from now, whichever process is held or dead by then. */
  after(delayMs: number, run: () => void): void {
    this.at(this.#own, this.#nowMs + delayMs, run)
  }

  post(view: View, run: () => void): void {
    this.#ready.push({ view, run })
  }

  at(view: View, atMs: number, wake: () => void): () => void {
    const sleeper: Sleeper = { atMs, order: this.#wakeOrder++, view, wake }
    this.#sleepers.add(sleeper)
    return () => {
      sleeper.wake = undefined
    }
  }
}

interface Task {
  readonly view: View
  readonly run: () => void
}

interface Sleeper {
  readonly atMs: number
  readonly order: number
  readonly view: View
  /** Undefined once it was called off. */
  wake: (() => void) | undefined
}

/** What runs in one process of the world: a broker, or all the clients. */
export class View {
  readonly name: string
  isAlive = true
  #heldSinceMs: number | undefined
  #heldMs = 0
  /** How far its wall clock is off; timers do not go by it. */
  #wallMs = 0
  /** Its wall clock was set to another time while it ran. */
  hasStepped = false
  /** What became due while it stands still. */
  #held: Array<() => void> = []
  /** Clock, scheduler and chance, for every fiber of this view. */
  readonly services: Context.Context<never>
  readonly #world: World

  constructor(world: World, name: string) {
    this.name = name
    this.#world = world
    const chance = world.chance.fork()
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => this.post(task),
      flush: () => {}
    }
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 512,
      makeDispatcher: () => dispatcher
    }
    const random: Random.Random = {
      nextIntUnsafe: () => (chance.bits() & 0x1fffff) * 0x1_0000_0000 + chance.bits(),
      nextDoubleUnsafe: () => chance.bits() / 0x1_0000_0000
    }
    this.services = Context.make(Clock.Clock, clockOf(world, this)).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Random.Random, random)
    ) as Context.Context<never>
  }

  /** Runs it some time soon, if this view still lives then. */
  post(run: () => void): void {
    if (this.isAlive) this.#world.post(this, run)
  }

  /** Runs it so many milliseconds from now; the answer calls it off. */
  after(delayMs: number, run: () => void): () => void {
    return this.#world.at(this, this.#world.nowMs + Math.ceil(delayMs), run)
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.services)(effect)
  }

  /** As by `kill -9`: nothing of it runs again, no finalizer either. */
  kill(): void {
    this.isAlive = false
    this.#held = []
  }

  get isHeld(): boolean {
    return this.#heldSinceMs !== undefined
  }

  /** How long it has stood still in all. */
  get heldMs(): number {
    return this.#heldMs + (this.#heldSinceMs === undefined ? 0 : this.#world.nowMs - this.#heldSinceMs)
  }

  /** Runs it, or keeps it for when the process runs again. */
  run(task: () => void): void {
    if (!this.isAlive) return
    if (this.isHeld) this.#held.push(task)
    else task()
  }

  /** As by SIGSTOP, and SIGCONT so much later: nothing of it runs meanwhile, and time goes on. */
  hold(forMs: number): void {
    if (this.isHeld) return
    this.#heldSinceMs = this.#world.nowMs
    this.#world.after(forMs, () => {
      this.#heldMs = this.heldMs
      this.#heldSinceMs = undefined
      const held = this.#held
      this.#held = []
      for (const task of held) this.post(task)
    })
  }

  get wallMs(): number {
    return this.#world.nowMs + this.#wallMs
  }

  /** The clock is set. */
  stepClock(byMs: number): void {
    this.#wallMs += byMs
    this.hasStepped = true
  }
}

const clockOf = (world: World, view: View): Clock.Clock => {
  const wall = () => view.wallMs
  const wallNanos = () => BigInt(view.wallMs) * 1_000_000n
  const monotonic = () => BigInt(world.elapsedMs) * 1_000_000n
  return {
    currentTimeMillisUnsafe: wall,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const callOff = view.after(Duration.toMillis(duration), () => resume(Effect.void))
        return Effect.sync(callOff)
      })
  }
}

/** The next to wake first; of the same time, the one that came first. */
class SleeperHeap {
  readonly #heap: Array<Sleeper> = []

  add(sleeper: Sleeper): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(sleeper)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(sleeper, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = sleeper
  }

  take(): Sleeper | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    while (true) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Sleeper, b: Sleeper): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
