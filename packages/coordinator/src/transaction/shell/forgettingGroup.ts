import { join } from "@tusk/storage/commit/Participant"
import type { Participant } from "@tusk/storage/commit/Participant"
import type { TransactionState } from "../machine/TransactionState.ts"
import { Transition } from "./Transition.ts"
import type { TransitionPorts } from "./Transition.ts"

/** Part of the commit that deletes a group: offsets that open transactions have of it are not committed any more. */
export const forgettingGroup = (ports: TransitionPorts, groupId: string): Participant<unknown> => {
  const holders = Array.from(ports.table.all()).filter(([, state]) => state.groups.has(groupId))
  return join(
    ...holders.map(
      ([transactionalId]) =>
        new Transition<void>(ports, transactionalId, (known) => {
          if (known === undefined || !known.groups.has(groupId)) return { _tag: "Known", answer: undefined }
          const groups = new Map(known.groups)
          groups.delete(groupId)
          const state: TransactionState = { ...known, groups }
          return { _tag: "Changed", state, answer: undefined }
        })
    )
  )
}
