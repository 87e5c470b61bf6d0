import type { Active } from "@tusk/storage/commit/Active"
import type { Committer } from "@tusk/storage/commit/Committer"
import * as Effect from "effect/Effect"
import { atMost } from "../request/atMost.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import type { Handler } from "../request/Handler.ts"

/** What says whether a request may run now. */
export interface Gate {
  readonly active: Active["Service"]
  readonly committer: Committer["Service"]
  readonly nowMs: () => number
  readonly requestTimeoutMs: number
  /** Whoever asks has to have the right to: it goes by what is in memory, whatever is asked for. */
  readonly authorizes: boolean
}

/** A request that waits, with what becomes of it. */
interface Waiting<A> {
  readonly handler: Handler
  readonly connection: ConnectionInfo
  /** Its client waits for an answer. */
  readonly isAwaited: () => boolean
  /** It brings what goes into objects. */
  readonly forObjects: () => boolean
  readonly receivedMs: number
  readonly run: A
  /** What to run when its time is over. */
  readonly refused: () => A
  /** Is called when no client waits for its answer any more. */
  readonly dropped: () => undefined
}

/**
 * Whether this broker may do what such a request wants. What reads needs a fresh proof that the cluster's lock is held;
 * what writes is proven by its own commit, but for who has no right to write: that is read, too.
 */
export const serves = (active: Active["Service"], reads: boolean): boolean =>
  reads ? active.isServing() : active.reign() !== undefined

/** Whether the answer may come from what is in memory. */
const needsProof = ({ authorizes }: Gate, { reads }: Handler): boolean => reads || authorizes

/** Whether a request of this handler runs at once: this broker serves, and not too much waits for a commit. */
export const mayRun = (gate: Gate, handler: Handler, forObjects: () => boolean): boolean =>
  (handler.always || serves(gate.active, needsProof(gate, handler))) &&
  // Mostly there is room for all.
  (!handler.concurrent || gate.committer.hasRoom(true) || (!forObjects() && gate.committer.hasRoom()))

/** Waits until it may run, and tells what is to run then: undefined if no client waits for the answer any more. */
export const onceItMayRun = <A>(gate: Gate, waiting: Waiting<A>): Effect.Effect<A | undefined> => {
  const { active, committer, nowMs, requestTimeoutMs } = gate
  const { connection, dropped, handler, receivedMs, refused, run } = waiting
  // The requests that run beside others fill the Committer's queue.
  const room = handler.concurrent
    ? Effect.map(onceRoom(committer, waiting), (hasRoom) => (hasRoom ? run : dropped()))
    : Effect.succeed(run)
  const isServed = handler.always || serves(active, needsProof(gate, handler))
  const waited = isServed
    ? room
    : Effect.flatMap(onceServing(active, needsProof(gate, handler), connection), (serving) => {
        if (serving) return room
        return Effect.sync(connection.isGone ? dropped : refused)
      })
  return atMost<A | undefined, never>(
    waited,
    () => Math.max(0, receivedMs + requestTimeoutMs - nowMs()),
    (fiber) => {
      fiber.interruptUnsafe()
      return Effect.sync(refused)
    }
  )
}

/** Returns false once `isOver`: it is asked when the client goes, and when the broker stops. */
const atEnding = (connection: ConnectionInfo, isOver: () => boolean): Effect.Effect<false> =>
  Effect.callback((resume) => {
    const ending = () => {
      if (isOver()) resume(Effect.succeed(false))
    }
    connection.onEnding(ending)
    return Effect.sync(() => connection.offEnding(ending))
  })

/**
 * Waits until not too much waits for a commit. False: the client has gone meanwhile, and may have begun anew elsewhere. A
 * broker that stops makes room soon.
 */
const onceRoom = (
  committer: Committer["Service"],
  { connection, forObjects, isAwaited }: Pick<Waiting<unknown>, "connection" | "forObjects" | "isAwaited">
): Effect.Effect<boolean> => {
  const room = Effect.as(committer.room(forObjects()), true)
  if (!isAwaited()) return room
  const gone = atEnding(connection, () => connection.isGone)
  return Effect.raceAllFirst<Effect.Effect<boolean>>([room, gone])
}

/**
 * Waits until this broker serves. False: the client has gone meanwhile, and what it wanted then is not done later, for it
 * may have begun anew elsewhere; or the broker stops; or another broker serves the cluster: then the end of the connection
 * tells it so, as all that this one could tell it of is itself.
 */
const onceServing = (active: Active["Service"], reads: boolean, connection: ConnectionInfo): Effect.Effect<boolean> => {
  const over = atEnding(connection, () => true)
  const elsewhere = Effect.map(active.whenElsewhere, () => {
    connection.close("another Tusk serves this database")
    return false
  })
  return Effect.raceAllFirst([Effect.as(reads ? active.whenServing : active.whenReigning, true), over, elsewhere])
}
