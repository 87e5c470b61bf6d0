import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CoordinatorNotAvailable, NotCoordinator } from "@tusk/protocol/KafkaError"
import type { GroupToStore } from "@tusk/storage/groups/GroupStore"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { GroupOutput } from "../machine/GroupOutput.ts"

/** A kind of group: its pure machine and how it is written down. */
export interface GroupMachine<State, Event, Answer, Group> {
  readonly kind: string
  readonly step: (
    state: State,
    event: Event,
    nowMs: number
  ) => readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>]
  readonly tick: Event
  /** A text, or what has changed where members are stored apart. */
  readonly encode: (group: Group, savedAtMs: number) => string | Omit<GroupToStore, "groupId" | "kind">
}

/** What a cell needs of its surroundings. */
export interface GroupCellPorts {
  readonly put: (group: GroupToStore) => Effect.Effect<void, KafkaError>
  readonly remove: (groupId: string) => Effect.Effect<void, KafkaError>
  /** Where events, timers and ticks run. */
  readonly scope: Scope.Scope
  /** How long in all nobody could be answered: nobody is late for that. */
  readonly unservedMs: () => number
  /** How long who asks waits while something of the group is stored: then it is told that the coordinator is not available. */
  readonly requestTimeoutMs: number
  /** What is in memory may not be what is stored: the group has to be loaded again. The cell is closed. */
  readonly broken: (groupId: string) => void
  /** A step is over, the gate still held. */
  readonly settled: (groupId: string) => void
}

/** The cell was closed while the caller was on its way: look the group up again. */
export class CellClosed extends Data.TaggedError("CellClosed") {}

const LONGEST_SLEEP_MS = 0x7fff_ffff

/** One group's shell: its machine's state, the gate, those who wait, and the timer. The same for every kind (house.md 9). */
export interface GroupCell<State, Event, Answer> {
  readonly groupId: string
  readonly peek: () => State
  readonly isOpen: () => boolean
  readonly waiting: () => number
  /** Milliseconds since the epoch at which the group came into its stored state. */
  readonly changedAtMs: () => number
  /**
   * Sends an event and waits for its answer. `whileHeld` runs behind the step before any other step. Who is interrupted
   * gives up only its own wait.
   */
  readonly ask: (
    event: (waiter: number) => Event,
    whileHeld?: (answer: Answer | undefined) => Effect.Effect<void>
  ) => Effect.Effect<Answer, KafkaError | CellClosed>
  /** Runs while no step does; it may send events nobody waits for. */
  readonly exclusive: <E>(
    body: (send: (event: Event) => Effect.Effect<void>) => Effect.Effect<void, E>
  ) => Effect.Effect<void, E>
  /** Nothing happens here any more; who waits asks elsewhere. Takes no gate. */
  readonly close: () => void
}

/** Somebody who asked. */
interface Waiter<Answer> {
  readonly answer: Deferred.Deferred<Answer, KafkaError | CellClosed>
  isSent: boolean
  /** It was told that it takes too long before its turn came: its event is not sent any more. */
  isGivenUp: boolean
}

/** Nobody waits for the answer to an event that the shell sends by itself. */
export const NOBODY = 0

/** `start` gives the machine's first state and what it asks for, such as the timer of a restored group. */
export const makeGroupCell = <State, Event, Answer, Group>(
  groupId: string,
  machine: GroupMachine<State, Event, Answer, Group>,
  start: (nowMs: number) => readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>],
  savedAtMs: number,
  ports: GroupCellPorts
): Effect.Effect<GroupCell<State, Event, Answer>> =>
  Effect.gen(function* () {
    const servedMs = Effect.map(
      Clock.monotonicTimeNanos,
      (nanos) => Number(nanos / 1_000_000n) - Math.floor(ports.unservedMs())
    )
    const gate = Semaphore.makeUnsafe(1)
    const [state, outputs] = start(yield* servedMs)
    const ref = Ref.makeUnsafe(state)
    const waiters = new Map<number, Waiter<Answer>>()
    let nextWaiter = NOBODY + 1
    let open = true
    let changedAtMs = savedAtMs
    let timer: Fiber.Fiber<unknown> | undefined
    /** The group's own time stands still while something of it is stored: nobody is heard then, and nobody is late. */
    let storingSinceMs: number | undefined
    let stoodMs = 0
    const ownMs = Effect.map(servedMs, (nowMs) => (storingSinceMs ?? nowMs) - stoodMs)

    const close = (): void => {
      open = false
      timer?.interruptUnsafe()
      for (const { answer, isSent } of waiters.values()) {
        Deferred.doneUnsafe(answer, Effect.fail(isSent ? new NotCoordinator() : new CellClosed()))
      }
      waiters.clear()
    }
    /** What is being stored takes too long. The step goes on; what becomes of it nobody is told. */
    const giveUp = Effect.sync(() => {
      for (const waiter of waiters.values()) {
        waiter.isGivenUp = true
        Deferred.doneUnsafe(waiter.answer, Effect.fail(new CoordinatorNotAvailable()))
      }
      waiters.clear()
    })
    const broke = Effect.sync(() => {
      close()
      ports.broken(groupId)
    })

    /** A refusal leaves the machine ahead of the data; so does a late success behind the back of a newer cell. */
    const store = (write: Effect.Effect<void, KafkaError>): Effect.Effect<void> =>
      Effect.flatMap(servedMs, (nowMs) => {
        storingSinceMs = nowMs
        const over = Effect.map(servedMs, (endMs) => {
          stoodMs += endMs - nowMs
          storingSinceMs = undefined
        })
        return Effect.flatMap(
          Effect.forkIn(Effect.forever(Effect.andThen(Effect.sleep(ports.requestTimeoutMs), giveUp)), ports.scope),
          (impatience) => Effect.ensuring(write, Effect.andThen(over, Fiber.interrupt(impatience)))
        )
      }).pipe(
        Effect.matchEffect({
          onFailure: (error) =>
            Effect.logWarning(`group ${JSON.stringify(groupId)} is not stored: ${error._tag}`).pipe(
              Effect.andThen(Effect.suspend(() => (open ? broke : Effect.void)))
            ),
          onSuccess: () => (open ? Effect.void : broke)
        })
      )

    /** Null: done already, as most are. */
    const perform = (output: GroupOutput<Answer, Group>): Effect.Effect<void> | null => {
      switch (output._tag) {
        case "Persist":
          return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
            changedAtMs = nowMs
            const encoded = machine.encode(output.group, nowMs)
            const change = typeof encoded === "string" ? { value: encoded } : encoded
            return store(ports.put({ groupId, kind: machine.kind, ...change }))
          })
        case "Remove":
          return store(ports.remove(groupId))
        case "Reply":
          answer(output.waiter, output.answer)
          return null
        case "WakeAt":
          return Effect.gen(function* () {
            timer?.interruptUnsafe()
            timer = yield* sleepUntil(output.atMs).pipe(
              // in a fiber of its own: the step may set the timer anew, and that ends this one
              Effect.andThen(Effect.forkIn(tick, ports.scope)),
              Effect.forkIn(ports.scope)
            )
          })
      }
    }

    /** Of the group's own time. */
    const sleepUntil = (atMs: number): Effect.Effect<void> =>
      Effect.flatMap(ownMs, (nowMs) =>
        nowMs >= atMs
          ? Effect.void
          : Effect.andThen(Effect.sleep(Math.min(atMs - nowMs, LONGEST_SLEEP_MS)), sleepUntil(atMs))
      )

    const answer = (id: number, value: Answer): void => {
      const waiter = waiters.get(id)
      waiters.delete(id)
      if (waiter !== undefined) Deferred.doneUnsafe(waiter.answer, Effect.succeed(value))
    }

    const performAll = (all: ReadonlyArray<GroupOutput<Answer, Group>>, from = 0): Effect.Effect<void> => {
      for (let i = from; i < all.length && open; i++) {
        const doing = perform(all[i]!)
        if (doing !== null) return Effect.flatMap(doing, () => performAll(all, i + 1))
      }
      return Effect.void
    }

    const send = (event: Event): Effect.Effect<void> =>
      Effect.flatMap(ownMs, (nowMs) =>
        Effect.flatMap(
          Ref.modify(ref, (current) => {
            const [next, out] = machine.step(current, event, nowMs)
            return [out, next] as const
          }),
          (todo) => performAll(todo)
        )
      )

    const exclusive = <E>(
      body: (send: (event: Event) => Effect.Effect<void>) => Effect.Effect<void, E>
    ): Effect.Effect<void, E> =>
      gate
        .withPermit(
          Effect.suspend(() => (open ? body(send) : Effect.void)).pipe(
            Effect.ensuring(Effect.sync(() => (open ? ports.settled(groupId) : undefined)))
          )
        )
        .pipe(Effect.uninterruptible)

    /** A bug must not cost the group its timer. */
    const tick = exclusive((tell) => tell(machine.tick)).pipe(
      Effect.catchDefect((defect) => Effect.andThen(Effect.logError("a group's timer failed", defect), broke))
    )

    /** Sends a waiter's event, unless it was given up, or the cell was closed, before its turn. */
    const sendFor = (
      id: number,
      waiter: Waiter<Answer>,
      event: (waiter: number) => Event,
      whileHeld: ((answer: Answer | undefined) => Effect.Effect<void>) | undefined
    ): Effect.Effect<void> =>
      exclusive((tell) =>
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
          else if (!waiter.isSent && !waiter.isGivenUp)
            Deferred.doneUnsafe(waiter.answer, Effect.fail(new CellClosed()))
          return Effect.void
        }),
        Effect.exit,
        Effect.asVoid
      )

    /** In a fiber of its own: the event is sent all the same where who asked is interrupted, or waits no longer. */
    const ask = (
      event: (waiter: number) => Event,
      whileHeld?: (answer: Answer | undefined) => Effect.Effect<void>
    ): Effect.Effect<Answer, KafkaError | CellClosed> =>
      Effect.suspend(() => {
        if (!open) return Effect.fail(new CellClosed())
        const id = nextWaiter++
        const waiter: Waiter<Answer> = { answer: Deferred.makeUnsafe(), isSent: false, isGivenUp: false }
        waiters.set(id, waiter)
        return Effect.forkIn(sendFor(id, waiter, event, whileHeld), ports.scope, { startImmediately: true }).pipe(
          Effect.flatMap((sending) =>
            Effect.tap(Deferred.await(waiter.answer), () =>
              whileHeld === undefined ? Effect.void : Fiber.await(sending)
            )
          ),
          Effect.onInterrupt(() => Effect.sync(() => waiters.delete(id)))
        )
      })

    yield* performAll(outputs)
    return {
      groupId,
      peek: () => Ref.getUnsafe(ref),
      isOpen: () => open,
      waiting: () => waiters.size,
      changedAtMs: () => changedAtMs,
      ask,
      exclusive,
      close
    }
  })
