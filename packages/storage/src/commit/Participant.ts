import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Write } from "../port/Write.ts"
import type { StoreError } from "../port/StoreError.ts"

/**
 * What assembling came to. `Stored`: its writes, or the state it was decided on, wait for the commit. `Told`: it asks nothing
 * of the commit, and its answer holds already. An error: it is refused, and nothing of its unit is stored.
 */
export type Verdict = "Stored" | "Told" | KafkaError

/**
 * A decision that wants to be stored, made by a service: a caller that submits it, alone or joined with others, need
 * not know what it changes. All its functions but `prepare` are synchronous and are called by the Committer alone, in
 * this order:
 *
 * | call | when | what it does |
 * |---|---|---|
 * | `prepare` | once, when submitted | reads what `assemble` needs; the queue goes on meanwhile |
 * | `assemble` | when a commit is put together, behind all that came before it | decides on *assumed* state: what is stored, and what this commit will store; adds its writes |
 * | `retract` | after an `assemble`, if that commit will not store it; the last that was assembled goes first | assumed state is again what it was before; `assemble` may follow once more |
 * | `settle` | once, last, but not behind "Told" or a refusal that holds | without an error: assumed state is real now; with one: nothing of it was or will be stored |
 * | `answer` | after a `settle` without an error, or after "Told" | what the caller is given |
 *
 * `settle` without an error may come behind a take-over that has read all state anew: it says what is there already.
 */
export interface Participant<out A> {
  /** Bytes it will write, as far as they are known before it is assembled: what the queue's limit counts. */
  readonly bytes: number
  /** Of these, what an object store has to take first: it may be away while the database is not. None by default. */
  readonly objectBytes?: number | undefined
  readonly prepare?: Effect.Effect<void, StoreError> | undefined
  /** Partitions in which it keeps its place: a unit behind it that names one of them is not assembled before it. */
  readonly partitionIds?: ReadonlyArray<number> | undefined
  /** It appends to its partitions, decides by what is known of them, and does nothing else: it may go beside another commit. */
  readonly isPlain?: boolean
  readonly assemble: (writes: Array<Write>) => Verdict
  readonly retract: () => void
  readonly settle: (error: StoreError | undefined) => void
  readonly answer: () => A
}

const nothing = (): void => {}

/** Writes that need no decision. */
export const writing = (unit: ReadonlyArray<Write>, stored: () => void = nothing): Participant<void> => ({
  bytes: 64 * unit.length,
  assemble: (writes) => {
    for (const write of unit) writes.push(write)
    return unit.length > 0 ? "Stored" : "Told"
  },
  retract: nothing,
  settle: (error) => {
    if (error === undefined) stored()
  },
  answer: nothing
})

type Answers<Participants extends ReadonlyArray<Participant<unknown>>> = {
  readonly [K in keyof Participants]: Participants[K] extends Participant<infer A> ? A : never
}

const prepareAll = (participants: ReadonlyArray<Participant<unknown>>): Effect.Effect<void, StoreError> | undefined => {
  const missing = participants.flatMap(({ prepare }) => (prepare === undefined ? [] : [prepare]))
  return missing.length === 0
    ? undefined
    : Effect.forEach(missing, (effect) => effect, { concurrency: "unbounded", discard: true })
}

/** Several decisions as one unit: all are stored or none, and the first refusal refuses them all. */
export const join = <const Participants extends ReadonlyArray<Participant<unknown>>>(
  ...participants: Participants
): Participant<Answers<Participants>> => {
  /** How many have been asked to assemble, and so have something to retract. */
  let asked = 0
  const retract = (): void => {
    while (asked > 0) participants[--asked]!.retract()
  }
  return {
    bytes: participants.reduce((sum, { bytes }) => sum + bytes, 0),
    objectBytes: participants.reduce((sum, { objectBytes = 0 }) => sum + objectBytes, 0),
    prepare: prepareAll(participants),
    partitionIds: participants.flatMap(({ partitionIds }) => partitionIds ?? []),
    assemble: (writes) => {
      let verdict: Verdict = "Told"
      for (const participant of participants) {
        asked++
        const own = participant.assemble(writes)
        if (typeof own !== "string") {
          retract()
          return own
        }
        if (own === "Stored") verdict = own
      }
      return verdict
    },
    retract,
    settle: (error) => {
      for (const participant of participants) participant.settle(error)
    },
    answer: () => participants.map((participant) => participant.answer()) as Answers<Participants>
  }
}
