import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CoordinatorNotAvailable, NotCoordinator } from "@tusk/protocol/KafkaError"
import type { GroupToStore } from "@tusk/storage/groups/GroupStore"
import { logDebugOf, ofArea } from "@tusk/storage/logging"
import type { Recurring } from "@tusk/storage/Recurring"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { NOBODY } from "../machine/GroupMachine.ts"
import type { GroupMachine, Stepped } from "../machine/GroupMachine.ts"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import { OwnTime } from "./OwnTime.ts"

/** What a cell needs of its surroundings. */
export interface GroupCellPorts {
  readonly put: (group: GroupToStore) => Effect.Effect<void, KafkaError>
  readonly remove: (groupId: string) => Effect.Effect<void, KafkaError>
  /** The scope in which events, timers and ticks run. */
  readonly scope: Scope.Scope
  /** How long in all no client could be answered: no member is late for that. */
  readonly unservedMs: () => number
  /** How long a request waits while something of the group is stored: then it gets COORDINATOR_NOT_AVAILABLE. */
  readonly requestTimeoutMs: number
  /** That groups are not stored: all share it. */
  readonly trouble: Recurring
  /** What is in memory may not be what is stored: the group has to be loaded again. The cell is closed. */
  readonly broken: (groupId: string) => void
  /** The group's work is divided anew. */
  readonly rebalanced?: (kind: string) => void
  /** A step is over, the gate still held. */
  readonly settled: (groupId: string) => void
}

/** The cell was closed while the caller was on its way: look the group up again. */
export class CellClosed extends Data.TaggedError("CellClosed") {}

/** One group's shell: its machine's state, the gate, the requests that wait, and the timer. The same for every kind. */
export interface GroupCell<State, Event, Answer> {
  readonly groupId: string
  readonly peek: () => State
  readonly isOpen: () => boolean
  readonly waiting: () => number
  /** Milliseconds since the epoch at which the group came into its stored state. */
  readonly changedAtMs: () => number
  /**
   * Sends an event and waits for its answer. `whileHeld` runs behind the step before any other step. A fiber that is
   * interrupted gives up only its own wait.
   */
  readonly ask: (
    event: (waiter: number) => Event,
    whileHeld?: (answer: Answer | undefined) => Effect.Effect<void>
  ) => Effect.Effect<Answer, KafkaError | CellClosed>
  /** Runs while no step does; it may send events that no request waits for. */
  readonly exclusive: <E>(
    body: (send: (event: Event) => Effect.Effect<void>) => Effect.Effect<void, E>
  ) => Effect.Effect<void, E>
  /** Nothing happens here any more; requests that wait ask elsewhere. Takes no gate. */
  readonly close: () => void
}

/** A request that asked. */
interface Waiter<Answer> {
  readonly answer: Deferred.Deferred<Answer, KafkaError | CellClosed>
  isSent: boolean
  /** It was told that it takes too long before its turn came: its event is not sent any more. */
  isGivenUp: boolean
}

type WhileHeld<Answer> = (answer: Answer | undefined) => Effect.Effect<void>
type Send<Event> = (event: Event) => Effect.Effect<void>

class Cell<State, Event, Answer, Group> implements GroupCell<State, Event, Answer> {
  readonly groupId: string
  readonly #machine: GroupMachine<State, Event, Answer, Group>
  readonly #ports: GroupCellPorts
  readonly #time: OwnTime
  readonly #gate = Semaphore.makeUnsafe(1)
  readonly #waiters = new Map<number, Waiter<Answer>>()
  #nextWaiter = NOBODY + 1
  #state: State
  #isOpen = true
  #changedAtMs: number
  #timer: Fiber.Fiber<unknown> | undefined

  constructor(
    groupId: string,
    machine: GroupMachine<State, Event, Answer, Group>,
    state: State,
    savedAtMs: number,
    ports: GroupCellPorts,
    time: OwnTime
  ) {
    this.groupId = groupId
    this.#machine = machine
    this.#state = state
    this.#changedAtMs = savedAtMs
    this.#ports = ports
    this.#time = time
  }

  peek(): State {
    return this.#state
  }
  isOpen(): boolean {
    return this.#isOpen
  }
  waiting(): number {
    return this.#waiters.size
  }
  changedAtMs(): number {
    return this.#changedAtMs
  }

  close(): void {
    this.#isOpen = false
    this.#timer?.interruptUnsafe()
    for (const { answer, isSent } of this.#waiters.values()) {
      Deferred.doneUnsafe(answer, Effect.fail(isSent ? new NotCoordinator() : new CellClosed()))
    }
    this.#waiters.clear()
  }

  exclusive<E>(body: (send: Send<Event>) => Effect.Effect<void, E>): Effect.Effect<void, E> {
    return this.#gate
      .withPermit(
        Effect.suspend(() => (this.#isOpen ? body((event) => this.#send(event)) : Effect.void)).pipe(
          Effect.ensuring(Effect.sync(() => (this.#isOpen ? this.#ports.settled(this.groupId) : undefined)))
        )
      )
      .pipe(Effect.uninterruptible)
  }

  /** In a fiber of its own: the event is sent even if the fiber that asked is interrupted, or waits no longer. */
  ask(event: (waiter: number) => Event, whileHeld?: WhileHeld<Answer>): Effect.Effect<Answer, KafkaError | CellClosed> {
    return Effect.suspend(() => {
      if (!this.#isOpen) return Effect.fail(new CellClosed())
      const id = this.#nextWaiter++
      const waiter: Waiter<Answer> = { answer: Deferred.makeUnsafe(), isSent: false, isGivenUp: false }
      this.#waiters.set(id, waiter)
      const sending = this.#sendFor(id, waiter, event, whileHeld)
      return Effect.forkIn(sending, this.#ports.scope, { startImmediately: true }).pipe(
        Effect.flatMap((fiber) =>
          Effect.tap(Deferred.await(waiter.answer), () => (whileHeld === undefined ? Effect.void : Fiber.await(fiber)))
        ),
        Effect.onInterrupt(() => Effect.sync(() => this.#waiters.delete(id)))
      )
    })
  }

  /** Sends a waiter's event, unless it was given up, or the cell was closed, before its turn. */
  #sendFor(
    id: number,
    waiter: Waiter<Answer>,
    event: (waiter: number) => Event,
    whileHeld: WhileHeld<Answer> | undefined
  ): Effect.Effect<void> {
    return this.exclusive((tell) =>
      Effect.suspend(() => {
        if (waiter.isGivenUp) return Effect.void
        waiter.isSent = true
        if (whileHeld === undefined) return tell(event(id))
        return Effect.flatMap(tell(event(id)), () =>
          Deferred.isDoneUnsafe(waiter.answer)
            ? Effect.matchEffect(Deferred.await(waiter.answer), {
                onFailure: () => whileHeld(undefined),
                onSuccess: whileHeld
              })
            : whileHeld(undefined)
        )
      })
    ).pipe(
      Effect.onExit((exit) => {
        if (exit._tag === "Failure") Deferred.doneUnsafe(waiter.answer, Effect.failCause(exit.cause))
        else if (!waiter.isSent && !waiter.isGivenUp) Deferred.doneUnsafe(waiter.answer, Effect.fail(new CellClosed()))
        return Effect.void
      }),
      Effect.exit,
      Effect.asVoid
    )
  }

  #send(event: Event): Effect.Effect<void> {
    return Effect.flatMap(this.#time.now, (nowMs) => {
      const { generation, kind, step } = this.#machine
      const before = this.#state
      const [next, outputs] = step(before, event, nowMs)
      if (generation !== undefined && generation(next) > generation(before)) this.#ports.rebalanced?.(kind)
      this.#state = next
      const doing = this.performAll(outputs)
      return next === before ? doing : Effect.andThen(this.#told(before, next, event), doing)
    })
  }

  /** A rebalance can be followed at debug. */
  #told(before: State, next: State, event: Event): Effect.Effect<void> {
    const { kind, listed } = this.#machine
    if (listed === undefined) return Effect.void
    return logDebugOf(() => {
      const from = listed(before)
      const to = listed(next)
      if (from.state === to.state && from.members === to.members) return Effect.void
      const { _tag: reason } = event as { readonly _tag?: string }
      const fields = { group: this.groupId, kind, from: from.state, to: to.state, reason, members: to.members }
      return ofArea("groups")(Effect.annotateLogs(Effect.logDebug("group changes"), fields))
    })
  }

  performAll(all: ReadonlyArray<GroupOutput<Answer, Group>>, from = 0): Effect.Effect<void> {
    for (let i = from; i < all.length && this.#isOpen; i++) {
      const doing = this.#perform(all[i]!)
      if (doing !== null) return Effect.flatMap(doing, () => this.performAll(all, i + 1))
    }
    return Effect.void
  }

  /** Null: done already, as most are. */
  #perform(output: GroupOutput<Answer, Group>): Effect.Effect<void> | null {
    switch (output._tag) {
      case "Persist":
        return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
          this.#changedAtMs = nowMs
          const { encode, kind } = this.#machine
          return this.#store(this.#ports.put({ groupId: this.groupId, kind, ...encode(output.group, nowMs) }))
        })
      case "Remove":
        return this.#store(this.#ports.remove(this.groupId))
      case "Reply": {
        const waiter = this.#waiters.get(output.waiter)
        this.#waiters.delete(output.waiter)
        if (waiter !== undefined) Deferred.doneUnsafe(waiter.answer, Effect.succeed(output.answer))
        return null
      }
      case "WakeAt":
        return this.#wakeAt(output.atMs)
    }
  }

  #wakeAt(atMs: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#timer?.interruptUnsafe()
      this.#timer = yield* this.#time.sleepUntil(atMs).pipe(
        // in a fiber of its own: the step may set the timer anew, and that ends this one
        Effect.andThen(Effect.forkIn(this.#tick, this.#ports.scope)),
        Effect.forkIn(this.#ports.scope)
      )
    })
  }

  /** A bug must not cost the group its timer. */
  get #tick(): Effect.Effect<void> {
    return this.exclusive((tell) => tell(this.#machine.tick)).pipe(
      Effect.catchDefect((defect) => Effect.andThen(Effect.logError("a group's timer failed", defect), this.#broke))
    )
  }

  /** A refusal leaves the machine ahead of the data; so does a late success behind the back of a newer cell. */
  #store(write: Effect.Effect<void, KafkaError>): Effect.Effect<void> {
    const { requestTimeoutMs, scope } = this.#ports
    const impatience = Effect.forever(Effect.andThen(Effect.sleep(requestTimeoutMs), this.#giveUp))
    return Effect.flatMap(this.#time.stop, (goOn) =>
      Effect.flatMap(Effect.forkIn(impatience, scope), (fiber) =>
        Effect.ensuring(write, Effect.andThen(goOn, Fiber.interrupt(fiber)))
      )
    ).pipe(
      Effect.matchEffect({
        onFailure: (error) =>
          this.#ports.trouble
            .seen(`group ${JSON.stringify(this.groupId)} is not stored: ${error._tag}`)
            .pipe(Effect.andThen(Effect.suspend(() => (this.#isOpen ? this.#broke : Effect.void)))),
        onSuccess: () => (this.#isOpen ? Effect.void : this.#broke)
      })
    )
  }

  /** What is being stored takes too long. The step goes on; no request is told what becomes of it. */
  get #giveUp(): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const waiter of this.#waiters.values()) {
        waiter.isGivenUp = true
        Deferred.doneUnsafe(waiter.answer, Effect.fail(new CoordinatorNotAvailable()))
      }
      this.#waiters.clear()
    })
  }

  get #broke(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.close()
      this.#ports.broken(this.groupId)
    })
  }
}

/** `start` gives the machine's first state and what it asks for, such as the timer of a restored group. */
export const makeGroupCell = <State, Event, Answer, Group>(
  groupId: string,
  machine: GroupMachine<State, Event, Answer, Group>,
  start: (nowMs: number) => Stepped<State, Answer, Group>,
  savedAtMs: number,
  ports: GroupCellPorts
): Effect.Effect<GroupCell<State, Event, Answer>> => {
  const time = new OwnTime(ports.unservedMs)
  return Effect.flatMap(time.now, (nowMs) => {
    const [state, outputs] = start(nowMs)
    const cell = new Cell(groupId, machine, state, savedAtMs, ports, time)
    return Effect.as(cell.performAll(outputs), cell)
  })
}
