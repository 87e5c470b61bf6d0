import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import type { ClusterState, CommitBeside, Told } from "@tusk/storage/port/CommitStore"
import type { Store } from "@tusk/storage/port/Store"
import type { Unit } from "@tusk/storage/port/Write"
import { Fenced, OutcomeUnknown, StoreRefused, StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { CommitFate, Faults } from "./Faults.ts"
import type { Reign } from "./Reigns.ts"
import type { Server } from "./Server.ts"
import type { View, World } from "./World.ts"
import { isPoisoned, ownBytes, tell } from "./units.ts"

export const MAX_BYTES = 1 << 30

type Outcome = Exit.Exit<void, StoreError>

/** What was asked, and what waits for the answer. It is answered once. */
interface Question {
  readonly told: (outcome: Outcome) => void
  /** What is known of it when the session ends. */
  readonly atEnd: () => Outcome
  readonly isCommit: boolean
}

/** A commit on its way. When its session ends it has happened or never will. */
export interface Sent {
  readonly units: ReadonlyArray<Unit>
  /** Both halves of it have arrived. */
  isWhole: boolean
  fate: "open" | "stored" | "never"
  /** The broker has been told, and knows. */
  isKnown: boolean
}

/** What a session needs of the world around it. */
export interface SessionWorld {
  readonly world: World
  readonly faults: Faults
  /** In which the database's own time runs. */
  readonly view: View
  readonly storing: (session: Session, units: ReadonlyArray<Unit>) => void
  readonly stored: (session: Session, units: ReadonlyArray<Unit>) => void
  /** Something of what a broker has in memory may have to be forgotten. */
  readonly upset: () => void
  /** A request that was in order may be told that it failed. */
  readonly troubled: () => void
  /** A commit has taken long. */
  readonly heldUp: () => void
  readonly ended: (session: Session) => void
  readonly standStill: (broker: View, forMs: number) => void
}

const DONE: Outcome = Exit.void
const gone = (): Outcome => Exit.fail(new Fenced({ message: "the session is gone" }))
const unknown = (): Outcome => Exit.fail(new OutcomeUnknown({ message: "the connection was lost" }))
const unavailable = (message: string): Outcome => Exit.fail(new StoreUnavailable({ message }))

/** A broker's session with a server, and with it the cluster's lock: what is asked over it takes its time, or fails. */
export class Session {
  readonly broker: View
  readonly server: Server
  readonly reign: Reign
  readonly state: ClusterState
  isAlive = true
  /** Until then nothing of what it says arrives. */
  deafUntilMs = -Infinity
  /** It ended, and nothing says so: not even an error comes back. */
  #isSilent = false
  /** By each door. */
  #last: Sent | undefined
  #lastBeside: Sent | undefined
  readonly #questions = new Set<Question>()
  readonly #watchers = new Set<(lost: Effect.Effect<Fenced>) => void>()
  readonly #memory: Store["Service"]
  readonly #around: SessionWorld

  constructor(around: SessionWorld, broker: View, server: Server, reign: Reign, told: Told) {
    this.#around = around
    this.broker = broker
    this.server = server
    this.reign = reign
    this.#memory = MemoryStore.make(server.data, { maxBytes: MAX_BYTES })
    this.state = Effect.runSync(Effect.orDie(Scope.provide(this.#memory.acquire(told), Scope.makeUnsafe())))
    server.takenOver()
  }

  /** The commit of which the broker does not know what became. */
  get open(): Sent | undefined {
    return this.#last?.isKnown === false ? this.#last : undefined
  }

  /** The same by the second door. */
  get openBeside(): Sent | undefined {
    return this.#lastBeside?.isKnown === false ? this.#lastBeside : undefined
  }

  /** The server is at work for it, and does not look whether its client is there. */
  get isAtWork(): boolean {
    return [this.#last, this.#lastBeside].some((sent) => sent?.fate === "open" && sent.isWhole)
  }

  get #nowMs(): number {
    return this.#around.world.nowMs
  }

  /** What was sent is decided, and nothing more is taken. */
  end(): void {
    if (!this.isAlive) return
    const { faults, world } = this.#around
    for (const sent of [this.#last, this.#lastBeside]) {
      if (sent?.fate === "open") this.#decide(sent, sent.isWhole && world.chance.below(2) === 0)
    }
    this.isAlive = false
    this.reign.ends(this.#nowMs)
    this.#around.ended(this)
    this.#isSilent = faults.isSilent()
    if (this.#isSilent) return
    this.#answerAll()
    const afterMs = faults.lostAfterMs()
    if (afterMs !== undefined) this.#later(afterMs, () => this.#tellWatchers())
  }

  /** The broker asks for another one: what still waits is told that this one is gone, though late. */
  giveUp(): void {
    this.end()
    this.#isSilent = false
    this.#answerAll()
  }

  #answerAll(): void {
    for (const question of Array.from(this.#questions)) {
      this.#answer(question, question.isCommit ? this.#around.faults.lateMs() : 1, question.atEnd())
    }
  }

  #tellWatchers(): void {
    this.reign.told(this.#nowMs)
    for (const resume of this.#watchers) resume(Effect.succeed(new Fenced({ message: "the session was lost" })))
    this.#watchers.clear()
  }

  #decide(sent: Sent, store: boolean): Outcome {
    if (sent.fate !== "open") return sent.fate === "stored" ? DONE : unknown()
    sent.fate = "never"
    if (!store || this.server.isOld) return unknown()
    if (isPoisoned(sent.units)) return Exit.fail(new StoreRefused({ message: "a value that cannot be stored" }))
    this.#around.storing(this, sent.units)
    const outcome = Effect.runSyncExit(this.#memory.commit(sent.units))
    this.#around.world.log(`database: ${this.broker.name} commits ${tell(sent.units)}: ${outcome._tag}`)
    if (outcome._tag === "Failure") return outcome
    sent.fate = "stored"
    this.#around.stored(this, sent.units)
    return DONE
  }

  /** In the database, and then in the broker, if that still lives. */
  #later(delayMs: number, inBroker: () => void): void {
    const atMs = Math.max(this.#nowMs + delayMs, this.deafUntilMs)
    this.#around.view.after(atMs - this.#nowMs, () => this.broker.post(inBroker))
  }

  #answer(question: Question, delayMs: number, outcome: Outcome): void {
    if (this.#isSilent || !this.#questions.delete(question)) return
    this.#later(delayMs, () => question.told(outcome))
  }

  /** Begins something in the database; a proof that the broker is the writer is as old as the asking. */
  #ask(
    begin: (question: Question) => void,
    {
      atEnd = gone,
      known,
      proves
    }: {
      readonly atEnd?: () => Outcome
      /** Of a commit: the broker knows what became of it. */
      readonly known?: () => void
      readonly proves: boolean
    }
  ): Effect.Effect<void, StoreError> {
    return Effect.callback<void, StoreError>((resume) => {
      const askedAtMs = this.#nowMs
      const told = (outcome: Outcome) => {
        const error = errorOf(outcome)
        if (error !== "OutcomeUnknown") known?.()
        if (error === undefined && proves) this.reign.proven(askedAtMs)
        if (error === "OutcomeUnknown" || error === "Fenced") this.reign.told(this.#nowMs)
        resume(outcome)
      }
      const question: Question = { told, atEnd, isCommit: known !== undefined }
      this.#questions.add(question)
      begin(question)
    })
  }

  /** What has to be written returns once a standby has it too; on a server that no standby follows any more, never. */
  #written(delayMs: number, act: () => void): void {
    this.#around.view.after(delayMs, () => {
      const { awayUntilMs, isOld } = this.server
      if (isOld && this.isAlive) return
      if (this.isAlive && this.#nowMs < awayUntilMs) return this.#written(awayUntilMs - this.#nowMs, act)
      act()
    })
  }

  readonly lost: Effect.Effect<Fenced> = Effect.callback<Fenced>((resume) => {
    this.#watchers.add(resume)
    return Effect.sync(() => void this.#watchers.delete(resume))
  })

  readonly #whetherAlive = (): Outcome => (this.isAlive ? DONE : gone())

  readonly ping: Effect.Effect<void, StoreError> = this.#ask(
    (question) => {
      const takesMs = this.#around.faults.pingMs()
      const answer = () => {
        // After a refused commit a broker asks which session holds the lock, and only then answers what waits for it.
        if (takesMs > 1 && this.#last?.fate === "never") this.#around.troubled()
        this.#answer(question, 0, this.#whetherAlive())
      }
      this.#around.view.after(takesMs, answer)
    },
    { proves: false }
  )

  readonly heartbeat: Effect.Effect<void, StoreError> = this.#ask(
    (question) => {
      const answer = () => this.#answer(question, 0, this.#whetherAlive())
      this.#written(this.#around.faults.between(1, 3), answer)
    },
    { proves: true }
  )

  commit(units: ReadonlyArray<Unit>, isBeside = false): Effect.Effect<void, StoreError> {
    return Effect.suspend(() => {
      const sent: Sent = { units: ownBytes(units), isWhole: false, fate: "open", isKnown: false }
      if (isBeside) this.#lastBeside = sent
      else this.#last = sent
      return this.#ask((question) => this.#send(sent, question), {
        proves: !isBeside,
        atEnd: () => (sent.fate === "stored" && this.#around.world.chance.below(2) === 0 ? DONE : unknown()),
        known: () => {
          sent.isKnown = true
        }
      })
    })
  }

  /** In two halves, between which the process may stand still, or end. */
  #send(sent: Sent, question: Question): void {
    const { faults, standStill, view } = this.#around
    const heldMs = faults.holdsBetweenMs()
    if (heldMs > 0) standStill(this.broker, heldMs)
    view.after(faults.between(0, 1), () =>
      this.broker.post(() => {
        if (!this.isAlive) {
          sent.fate = "never"
          return this.#answer(question, 1, gone())
        }
        sent.isWhole = true
        this.#carryOut(sent, faults.ofCommit(sent.units.length), question)
      })
    )
  }

  #carryOut(sent: Sent, fate: CommitFate, question: Question): void {
    const { faults, upset, view, world } = this.#around
    const delayMs = faults.commitMs(fate)
    if (fate !== "stored") {
      upset()
      world.log(`database: commit of ${this.broker.name} is ${fate}`)
    }
    /** Decided, answered, and the session ended with it. */
    const endWith = (store: boolean) => {
      this.#decide(sent, store)
      this.#answer(question, 0, unknown())
      this.end()
    }
    switch (fate) {
      case "stored":
      case "stalled":
      case "locked":
        return this.#written(delayMs, () => {
          // What has waited behind it for long may name objects that are too old by now.
          if (fate !== "stored") this.#around.heldUp()
          this.#answer(question, 0, this.#decide(sent, true))
        })
      case "lockedOut":
        return this.#refuse(sent, question, delayMs, unavailable("canceling statement due to lock timeout"))
      case "refused":
        return this.#refuse(sent, question, delayMs, unavailable("refused"))
      case "refusedTogether":
        return this.#refuse(sent, question, delayMs, Exit.fail(new StoreRefused({ message: "refused together" })))
      case "fenced":
        sent.fate = "never"
        this.#answer(question, delayMs, gone())
        return this.end()
      case "storedUnheard":
        return this.#written(delayMs, () => endWith(true))
      case "storedLater":
        // Until then the lock is held by a session that no broker talks to.
        view.after(faults.between(100, 4000), () => endWith(true))
        view.after(delayMs, () => this.#answer(question, 0, unknown()))
        return
      case "neverStored":
        view.after(delayMs, () => endWith(false))
    }
  }

  #refuse(sent: Sent, question: Question, delayMs: number, outcome: Outcome): void {
    sent.fate = "never"
    this.#written(delayMs, () => {
      // Refused for what one of several is: that may trouble no other.
      if (errorOf(outcome) !== "StoreRefused") this.#around.troubled()
      this.#answer(question, 0, outcome)
    })
  }
}

const errorOf = (outcome: Outcome): StoreError["_tag"] | undefined => {
  const reason = outcome._tag === "Failure" ? outcome.cause.reasons[0] : undefined
  return reason?._tag === "Fail" ? reason.error._tag : undefined
}

/** The second door of a broker's sessions; not always can it be had. */
export const secondDoor = (
  use: (ask: (session: Session) => Effect.Effect<void, StoreError>) => Effect.Effect<void, StoreError>,
  isThere: () => boolean
): CommitBeside => ({
  ready: Effect.sync(isThere),
  commit: (units) => use((session) => session.commit(units, true))
})
