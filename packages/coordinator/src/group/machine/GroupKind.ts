import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoredGroupMember } from "@tusk/storage/groups/GroupStore"
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import { NOBODY } from "../shell/GroupCell.ts"
import type { CellClosed, GroupCell, GroupMachine } from "../shell/GroupCell.ts"
import type { GroupOutput } from "./GroupOutput.ts"
import type { Committing } from "../shell/GroupRequests.ts"

/** What a group's machine begins with after a restart. */
export interface Restored<State, Answer, Group> {
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
  /** Members whose rows cannot be read, and why: they are not in the group any more, and join again. */
  readonly unread?: ReadonlyArray<string>
  /** `nowMs`: of the monotonic clock. */
  readonly start: (nowMs: number) => readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>]
}

/** Who reads offsets; OffsetFetch 9 and later. Null and -1: somebody outside the group. */
export interface Fetching {
  readonly memberId: string | null
  readonly memberEpoch: number
}

/** How `offsets.retention.minutes` treats a group (KIP-211). */
export interface Expiry {
  /** The time counts from each commit, or from when the group came into its state. */
  readonly since: "commit" | "state"
  /** Something besides offsets is stored of it: it is deleted though it has none. */
  readonly isStored: boolean
  /** What members are subscribed to, which expires for nobody; null: there are none, and the group goes with its offsets. */
  readonly keeps: ((topic: string) => boolean) | null
}

/** A kind of group: its machine, and what is asked of every kind. */
export interface GroupKind<Kind extends string, State, Event, Answer, Group> extends GroupMachine<
  State,
  Event,
  Answer,
  Group
> {
  readonly kind: Kind
  /** A group nobody has joined yet. */
  readonly begin: (groupId: string) => State
  /** From what `encode` wrote, or why it cannot be that. */
  readonly restore: (
    groupId: string,
    value: string,
    members: ReadonlyArray<StoredGroupMember>
  ) => Result.Result<Restored<State, Answer, Group>, string>
  /** Deleted: nothing is asked of it any more. */
  readonly isDead: (state: State) => boolean
  /** Nothing to keep, unless it has offsets. */
  readonly isVacant: (state: State) => boolean
  /** As ListGroups tells it. */
  readonly listed: (state: State) => { readonly protocolType: string; readonly state: string }
  /** Deletes a group that has no members; answered by a refusal or not. */
  readonly remove: (waiter: number) => Event
  /** May this member commit now? Answered by a refusal or not. */
  readonly commit: (request: Committing, waiter: number) => Event
  readonly refusal: (answer: Answer) => KafkaError | null
  /** Why this member may not read the group's offsets. */
  readonly fetchError: (state: State, fetching: Fetching) => KafkaError | null
  /** Which topics' offsets may not be deleted, or why none may. */
  readonly inUse: (state: State) => KafkaError | ((topic: string) => boolean)
  /** Null: nothing expires now, as what its members are subscribed to is not settled. */
  readonly expiry: (state: State) => Expiry | null
}

/** A group in memory, as those see it who do not care of which kind it is. */
export interface CommonCell {
  readonly groupId: string
  readonly isOpen: () => boolean
  readonly isDead: () => boolean
  readonly isVacant: () => boolean
  readonly waiting: () => number
  readonly changedAtMs: () => number
  readonly listed: () => { readonly protocolType: string; readonly state: string }
  readonly fetchError: (fetching: Fetching) => KafkaError | null
  readonly inUse: () => KafkaError | ((topic: string) => boolean)
  readonly expiry: () => Expiry | null
  /** Null: the group is gone, with its offsets. */
  readonly remove: Effect.Effect<KafkaError | null, KafkaError | CellClosed>
  /** Null: the member may commit. `admit` runs before any later step of the group, if it may. */
  readonly commit: (
    request: Committing,
    admit?: Effect.Effect<void>
  ) => Effect.Effect<KafkaError | null, KafkaError | CellClosed>
  /** Runs while no step does. `remove` deletes the group if it has no members. */
  readonly exclusive: <E>(body: (remove: Effect.Effect<void>) => Effect.Effect<void, E>) => Effect.Effect<void, E>
  readonly close: () => void
}

export interface KindCell<Kind extends string, State, Event, Answer> extends CommonCell {
  readonly kind: Kind
  readonly cell: GroupCell<State, Event, Answer>
}

export const kindCell = <Kind extends string, State, Event, Answer, Group>(
  kind: GroupKind<Kind, State, Event, Answer, Group>,
  cell: GroupCell<State, Event, Answer>
): KindCell<Kind, State, Event, Answer> => ({
  kind: kind.kind,
  cell,
  groupId: cell.groupId,
  isOpen: cell.isOpen,
  isDead: () => kind.isDead(cell.peek()),
  isVacant: () => kind.isVacant(cell.peek()),
  waiting: cell.waiting,
  changedAtMs: cell.changedAtMs,
  listed: () => kind.listed(cell.peek()),
  fetchError: (fetching) => kind.fetchError(cell.peek(), fetching),
  inUse: () => kind.inUse(cell.peek()),
  expiry: () => kind.expiry(cell.peek()),
  remove: Effect.map(cell.ask(kind.remove), kind.refusal),
  commit: (request, admit) =>
    Effect.map(
      cell.ask(
        (waiter) => kind.commit(request, waiter),
        admit === undefined
          ? undefined
          : (answer) => (answer === undefined || kind.refusal(answer) !== null ? Effect.void : admit)
      ),
      kind.refusal
    ),
  exclusive: (body) => cell.exclusive((send) => body(send(kind.remove(NOBODY)))),
  close: cell.close
})
