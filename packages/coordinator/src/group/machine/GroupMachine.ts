import type { GroupToStore } from "@tusk/storage/groups/GroupStore"
import type { GroupOutput } from "./GroupOutput.ts"

/** A machine's next state, and what it asks for. */
export type Stepped<State, Answer, Group> = readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>]

/** A group as ListGroups tells it, and how many members it has. */
export interface Listed {
  readonly protocolType: string
  readonly state: string
  readonly members: number
}

/** A pure machine and how it writes what it persists. Times in milliseconds of the clock behind `step`'s `now`. */
export interface GroupMachine<State, Event, Answer, Group> {
  readonly kind: string
  readonly step: (state: State, event: Event, nowMs: number) => Stepped<State, Answer, Group>
  /** Rises when the work is divided anew: the generation, or the group's epoch. Absent where there are no members. */
  readonly generation?: (state: State) => number
  /** What the machine's timer sends. */
  readonly tick: Event
  /** Of a group as a whole; a part of one has none. */
  readonly listed?: (state: State) => Listed
  /** `savedAtMs`: milliseconds since the epoch. */
  readonly encode: (group: Group, savedAtMs: number) => Omit<GroupToStore, "groupId" | "kind">
}

/** No caller waits for the answer to an event that the shell sends by itself. */
export const NOBODY = 0
