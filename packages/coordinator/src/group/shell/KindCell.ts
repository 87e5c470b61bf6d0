import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Committing, Expiry, Fetching, GroupKind } from "../machine/GroupKind.ts"
import { NOBODY } from "../machine/GroupMachine.ts"
import type { Listed } from "../machine/GroupMachine.ts"
import type { CellClosed, GroupCell } from "./GroupCell.ts"

/** A group in memory, as code sees it that does not care of which kind it is. */
export interface CommonCell {
  readonly groupId: string
  readonly isOpen: () => boolean
  readonly isDead: () => boolean
  readonly isVacant: () => boolean
  readonly waiting: () => number
  readonly changedAtMs: () => number
  readonly listed: () => Listed
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
  isOpen: () => cell.isOpen(),
  isDead: () => kind.isDead(cell.peek()),
  isVacant: () => kind.isVacant(cell.peek()),
  waiting: () => cell.waiting(),
  changedAtMs: () => cell.changedAtMs(),
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
  close: () => cell.close()
})
