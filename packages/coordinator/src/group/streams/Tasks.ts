import type { TaskAssignment, TaskIds } from "../../assignor/StickyTask.ts"

/** Tasks a member was told it has: by subtopology id, partition to the group's epoch at which it was given. */
export type HeldTasks = ReadonlyMap<string, ReadonlyMap<number, number>>

export interface Held {
  readonly active: HeldTasks
  readonly standby: HeldTasks
  readonly warmup: HeldTasks
}

const NO_HELD: HeldTasks = new Map()
export const NOTHING_HELD: Held = { active: NO_HELD, standby: NO_HELD, warmup: NO_HELD }

export const TASK_ROLES = ["active", "standby", "warmup"] as const
export type TaskRole = (typeof TASK_ROLES)[number]

export const holdsNothing = ({ active, standby, warmup }: Held): boolean =>
  active.size === 0 && standby.size === 0 && warmup.size === 0

/** Whether one of these tasks is in the other, in the same role. */
export const shareATask = (some: TaskAssignment, others: Held): boolean =>
  TASK_ROLES.some((role) => {
    for (const [subtopologyId, partitions] of others[role]) {
      const own = some[role].get(subtopologyId)
      if (own === undefined) continue
      for (const partition of partitions.keys()) if (own.has(partition)) return true
    }
    return false
  })

/** Whether all of these tasks are in the other, each in its role. */
export const areWithin = (some: TaskAssignment, all: Held): boolean =>
  TASK_ROLES.every((role) => {
    for (const [subtopologyId, partitions] of some[role]) {
      const held = all[role].get(subtopologyId)
      for (const partition of partitions) if (held?.has(partition) !== true) return false
    }
    return true
  })

/** Whether these are all of the other's tasks and no more. */
export const isHeld = (some: TaskAssignment, all: Held): boolean =>
  areWithin(some, all) && TASK_ROLES.every((role) => countOf(some[role]) === countOf(all[role]))

const countOf = (tasks: ReadonlyMap<string, { readonly size: number }>): number => {
  let count = 0
  for (const { size } of tasks.values()) count += size
  return count
}

const sameTasks = (a: TaskIds, b: TaskIds): boolean => {
  if (a.size !== b.size) return false
  for (const [subtopologyId, partitions] of a) {
    const others = b.get(subtopologyId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

export const sameAssignment = (a: TaskAssignment, b: TaskAssignment): boolean =>
  TASK_ROLES.every((role) => sameTasks(a[role], b[role]))

/** From what the wire has; a subtopology named twice counts once. */
export const taskIds = (
  told: ReadonlyArray<{ readonly subtopologyId: string; readonly partitions: ReadonlyArray<number> }>
): TaskIds => {
  const ids = new Map<string, Set<number>>()
  for (const { partitions, subtopologyId } of told) {
    if (partitions.length === 0) continue
    const known = ids.get(subtopologyId)
    if (known === undefined) ids.set(subtopologyId, new Set(partitions))
    else for (const partition of partitions) known.add(partition)
  }
  return ids
}
