/**
 * How a member gets from the tasks it has to those it shall have (KIP-1071, as Apache Kafka 4.3.1 does it).
 *
 * | phase           | what it waits for                              | then                                          |
 * |-----------------|------------------------------------------------|-----------------------------------------------|
 * | Stable          | a newer target                                 | gives up what it shall not have, else takes   |
 * | UnrevokedTasks  | the member no longer tells those it must give  | the next step towards the newest target       |
 * | UnreleasedTasks | others give up what it shall have              | takes what is free by now, in each heartbeat  |
 *
 * A task is free for an active copy when no member has it active and the member's own process has no copy of it; for
 * a standby or a warm-up when the member's own process has none. What a member gives up is its process's until it has
 * told that it gave it up.
 */
import type { TaskAssignment, TaskIds } from "../../assignor/StickyTask.ts"
import type { StreamsMember } from "./StreamsGroupState.ts"
import { holdsNothing, NOTHING_HELD, shareATask, TASK_ROLES } from "./Tasks.ts"
import type { Held, HeldTasks, TaskRole } from "./Tasks.ts"

/** Which processes have which tasks. */
export interface TaskOwners {
  readonly active: ReadonlyMap<string, string>
  /** Copies of each role, the process's id in front. */
  readonly copies: ReadonlySet<string>
}

const taskKey = (subtopologyId: string, partition: number): string => `${partition} ${subtopologyId}`
const copyKey = (processId: string, task: string): string => `${processId} ${task}`

export const taskOwners = (members: Iterable<StreamsMember>): TaskOwners => {
  const active = new Map<string, string>()
  const copies = new Set<string>()
  for (const { held, processId, revoking } of members) {
    for (const tasks of [held, revoking]) {
      for (const role of TASK_ROLES) {
        for (const [subtopologyId, partitions] of tasks[role]) {
          for (const partition of partitions.keys()) {
            const key = taskKey(subtopologyId, partition)
            if (role === "active") active.set(key, processId)
            copies.add(copyKey(processId, key))
          }
        }
      }
    }
  }
  return { active, copies }
}

/** The same object if nothing changes. `owned`: what the member says it has; null: it says nothing. */
export const reconcile = (
  member: StreamsMember,
  target: { readonly epoch: number; readonly tasks: TaskAssignment },
  owned: TaskAssignment | null,
  owners: () => TaskOwners
): StreamsMember => {
  switch (member.phase) {
    case "Stable":
      return member.memberEpoch === target.epoch ? member : advance(member, member.memberEpoch, target, owned, owners())
    case "UnrevokedTasks":
      return owned === null || shareATask(owned, member.revoking)
        ? member
        : advance(member, member.memberEpoch + 1, target, owned, owners())
    case "UnreleasedTasks":
      return advance(member, member.memberEpoch, target, owned, owners())
  }
}

const advance = (
  member: StreamsMember,
  epochWhileRevoking: number,
  target: { readonly epoch: number; readonly tasks: TaskAssignment },
  owned: TaskAssignment | null,
  owners: TaskOwners
): StreamsMember => {
  const free = (role: TaskRole, subtopologyId: string, partition: number): boolean => {
    const key = taskKey(subtopologyId, partition)
    if (role === "active" && owners.active.has(key)) return false
    return !owners.copies.has(copyKey(member.processId, key))
  }
  const parts = TASK_ROLES.map((role) =>
    divide(member.held[role], target.tasks[role], target.epoch, (id, partition) => free(role, id, partition))
  )
  const collect = (of: "kept" | "gone" | "next"): Held => ({
    active: parts[0]![of],
    standby: parts[1]![of],
    warmup: parts[2]![of]
  })
  const gone = collect("gone")
  if (!holdsNothing(gone) && (owned === null || shareATask(owned, gone))) {
    return {
      ...withEpoch(member, epochWhileRevoking),
      phase: "UnrevokedTasks",
      held: collect("kept"),
      revoking: gone
    }
  }
  const phase = parts.some(({ waits }) => waits) ? "UnreleasedTasks" : "Stable"
  const takes = parts.some(({ kept, next }) => kept !== next)
  const same = phase === member.phase && target.epoch === member.memberEpoch && !takes && holdsNothing(gone)
  if (same && holdsNothing(member.revoking)) return member
  return { ...withEpoch(member, target.epoch), phase, held: collect("next"), revoking: NOTHING_HELD }
}

/** The former epoch is taken from a member that lost the answer. */
const withEpoch = (member: StreamsMember, memberEpoch: number): StreamsMember =>
  memberEpoch === member.memberEpoch ? member : { ...member, memberEpoch, previousEpoch: member.memberEpoch }

interface Divided {
  readonly kept: HeldTasks
  readonly gone: HeldTasks
  /** What is kept and what is free; the same object as `kept` if nothing is. */
  readonly next: HeldTasks
  /** Something it shall have is not free. */
  readonly waits: boolean
}

const divide = (
  held: HeldTasks,
  target: TaskIds,
  epoch: number,
  free: (subtopologyId: string, partition: number) => boolean
): Divided => {
  const kept = new Map<string, Map<number, number>>()
  const gone = new Map<string, Map<number, number>>()
  const taken = new Map<string, Map<number, number>>()
  let waits = false
  for (const [subtopologyId, partitions] of held) {
    for (const [partition, since] of partitions) {
      const stays = target.get(subtopologyId)?.has(partition) === true
      put(stays ? kept : gone, subtopologyId, partition, since)
    }
  }
  for (const [subtopologyId, partitions] of target) {
    for (const partition of partitions) {
      if (held.get(subtopologyId)?.has(partition) === true) continue
      if (free(subtopologyId, partition)) put(taken, subtopologyId, partition, epoch)
      else waits = true
    }
  }
  if (taken.size === 0) return { kept, gone, next: kept, waits }
  for (const [subtopologyId, partitions] of kept) {
    for (const [partition, since] of partitions) put(taken, subtopologyId, partition, since)
  }
  return { kept, gone, next: taken, waits }
}

const put = (tasks: Map<string, Map<number, number>>, subtopologyId: string, partition: number, epoch: number) => {
  const partitions = tasks.get(subtopologyId)
  if (partitions === undefined) tasks.set(subtopologyId, new Map([[partition, epoch]]))
  else partitions.set(partition, epoch)
}
