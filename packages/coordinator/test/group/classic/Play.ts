import { step } from "../../../src/group/classic/ClassicGroup.ts"
import { empty, Event } from "../../../src/group/classic/ClassicGroupState.ts"
import type {
  Answer,
  ClassicGroupConfig,
  ClassicGroupState,
  JoinAnswer,
  JoinEvent,
  Output,
  PersistedGroup
} from "../../../src/group/classic/ClassicGroupState.ts"

export const config: ClassicGroupConfig = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 60_000,
  initialRebalanceDelayMs: 0,
  maxSize: 10,
  newMemberJoinTimeoutMs: 300_000,
  memberMaxBytes: 1000,
  groupMaxBytes: 5000
}

export const SESSION_MS = 10_000
export const REBALANCE_MS = 30_000

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array): string => new TextDecoder().decode(value)
export const protocols = (...names: ReadonlyArray<string>) =>
  names.map((name) => ({ name, metadata: bytes(`about ${name}`) }))

/** A machine with its outputs collected and its timer obeyed. */
export class Play {
  state: ClassicGroupState
  now = 1000
  readonly answers = new Map<number, Answer>()
  readonly stored: Array<PersistedGroup> = []
  removed = false
  private waiter = 0

  constructor(state: ClassicGroupState = empty(config)) {
    this.state = state
  }

  send(event: Event): void {
    const [state, outputs] = step(this.state, event, this.now)
    this.state = state
    this.carryOut(outputs)
  }

  private carryOut(outputs: ReadonlyArray<Output>): void {
    for (const output of outputs) {
      if (output._tag === "Persist") this.stored.push(output.group)
      if (output._tag === "Remove") this.removed = true
      if (output._tag !== "Reply") continue
      if (this.answers.has(output.waiter)) throw new Error(`waiter ${output.waiter} is answered twice`)
      this.answers.set(output.waiter, output.answer)
    }
  }

  /** Time passes; the timer goes off whenever it was set to. */
  pass(ms: number): void {
    const end = this.now + ms
    while (this.state.wakeAtMs <= end) {
      this.now = Math.max(this.now, this.state.wakeAtMs)
      this.send(Event.Tick())
    }
    this.now = end
  }

  join(memberId: string, change: Partial<JoinEvent> = {}): number {
    const waiter = ++this.waiter
    this.send(
      Event.Join({
        waiter,
        memberId,
        newMemberId: `id-${waiter}`,
        groupInstanceId: null,
        clientId: "client",
        clientHost: "/127.0.0.1",
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: REBALANCE_MS,
        protocolType: "consumer",
        protocols: protocols("range"),
        requireKnownMemberId: false,
        supportsSkippingAssignment: true,
        ...change
      })
    )
    return waiter
  }

  sync(
    memberId: string,
    assignments: Readonly<Record<string, string>> = {},
    change: Partial<Extract<Event, { readonly _tag: "Sync" }>> = {}
  ): number {
    const waiter = ++this.waiter
    this.send(
      Event.Sync({
        waiter,
        memberId,
        groupInstanceId: null,
        generationId: this.state.generationId,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([id, value]) => ({ memberId: id, assignment: bytes(value) })),
        ...change
      })
    )
    return waiter
  }

  heartbeat(memberId: string, generationId = this.state.generationId, groupInstanceId: string | null = null): number {
    const waiter = ++this.waiter
    this.send(Event.Heartbeat({ waiter, memberId, generationId, groupInstanceId }))
    return waiter
  }

  leave(...members: ReadonlyArray<string | readonly [string, string]>): number {
    const waiter = ++this.waiter
    this.send(
      Event.Leave({
        waiter,
        members: members.map((member) =>
          typeof member === "string"
            ? { memberId: member, groupInstanceId: null }
            : { memberId: member[0], groupInstanceId: member[1] }
        )
      })
    )
    return waiter
  }

  commit(
    memberId: string,
    generationId = this.state.generationId,
    groupInstanceId: string | null = null,
    transactional = false
  ): number {
    const waiter = ++this.waiter
    this.send(Event.Commit({ waiter, memberId, generationId, groupInstanceId, transactional }))
    return waiter
  }

  delete(): number {
    const waiter = ++this.waiter
    this.send(Event.Delete({ waiter }))
    return waiter
  }

  /** The answer in a word: the error's tag, "ok", or "waits". */
  outcome(waiter: number): string {
    const answer = this.answers.get(waiter)
    if (answer === undefined) return "waits"
    if (answer._tag === "Refused") return answer.error._tag
    if (answer._tag === "Joined") return answer.error?._tag ?? "ok"
    if (answer._tag === "Left") return answer.members.map(({ error }) => error?._tag ?? "ok").join()
    return "ok"
  }
  joined(waiter: number): JoinAnswer {
    const answer = this.answers.get(waiter)
    if (answer?._tag !== "Joined") throw new Error(`waiter ${waiter} has no place: ${this.outcome(waiter)}`)
    return answer
  }
  assignment(waiter: number): string {
    const answer = this.answers.get(waiter)
    if (answer?._tag !== "Synced") throw new Error(`waiter ${waiter} has no assignment: ${this.outcome(waiter)}`)
    return text(answer.assignment)
  }
}

/** Members a (the leader) and b, which know their place in generation 2 but have asked for no assignment. */
export const completing = (state?: ClassicGroupState): Play => {
  const play = new Play(state)
  play.join("", { newMemberId: "a" })
  play.sync("a")
  play.join("", { newMemberId: "b" })
  play.join("a")
  return play
}
export const stable = (): Play => {
  const play = completing()
  play.sync("a", { a: "of a", b: "of b" })
  play.sync("b")
  return play
}
/** A third member waits for a and b to join again. */
export const preparing = (): Play => {
  const play = stable()
  play.join("", { newMemberId: "c" })
  return play
}
export const dead = (): Play => {
  const play = new Play()
  play.delete()
  return play
}
