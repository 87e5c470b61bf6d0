/**
 * Tasks of a streams group onto its members (KIP-1071), by the rules of Apache Kafka 4.3.1's assignor "sticky":
 * 1. an active task stays with its member while that member has fewer than its share, 2. else goes to a member that had
 * a standby of it, 3. else to the member with least to do; then standbys, each in a process of its own: 4. to a member
 * that had the task before, active or standby, 5. else to the member with least to do. Racks, tags and lags count for
 * nothing, there are no warm-ups: as in 4.3.1.
 *
 * Differences from Kafka: with equals it goes by member id and not by chance of a hash table; what is left over
 * goes to the least busy member of all, not of the least busy process, so that no two members differ by more than one
 * active task; a former standby is passed over only if its own process has the task, not if that of the first of them
 * has.
 */

/** Partitions, by subtopology id. Nothing is empty. */
export type TaskIds = ReadonlyMap<string, ReadonlySet<number>>

export interface TaskAssignment {
  readonly active: TaskIds
  readonly standby: TaskIds
  readonly warmup: TaskIds
}

export interface TaskMember {
  /** Members of one process share its disk, and go with it. */
  readonly processId: string
  /** What it was to have before. */
  readonly before: TaskAssignment
}

export interface TaskSource {
  readonly tasks: number
  /** Only tasks with state have standbys. */
  readonly stateful: boolean
}

const NO_TASKS: TaskIds = new Map()
export const NOTHING_ASSIGNED: TaskAssignment = { active: NO_TASKS, standby: NO_TASKS, warmup: NO_TASKS }

/** `members` by member id, `subtopologies` by id; each member gets an entry. Standbys without a place are left out. */
export const assignTasks = (
  members: ReadonlyMap<string, TaskMember>,
  subtopologies: ReadonlyMap<string, TaskSource>,
  standbyReplicas: number
): ReadonlyMap<string, TaskAssignment> => {
  const places = Array.from(members.keys(), (memberId) => memberId)
    .sort()
    .map((memberId): Place => ({ memberId, ...members.get(memberId)!, active: [], standby: [], load: 0, at: 0 }))
  if (places.length > 0) assignTo(places, subtopologies, standbyReplicas)
  return new Map(
    places.map(({ active, memberId, standby }) => [
      memberId,
      { active: byTopology(active), standby: byTopology(standby), warmup: NO_TASKS }
    ])
  )
}

interface Task {
  readonly key: string
  readonly subtopologyId: string
  readonly partition: number
}

/** A member on its way to its tasks. */
interface Place extends TaskMember {
  readonly memberId: string
  readonly active: Array<Task>
  readonly standby: Array<Task>
  load: number
  /** Where it stands in the heap. */
  at: number
}

/** How many one member may have, so that all are given out and no member has two more than another. */
class Share {
  private left: number
  private open: number
  each: number

  constructor(tasks: number, members: number) {
    this.left = tasks
    this.open = members
    this.each = Math.ceil(tasks / members)
  }

  /** A member has this many now: a member with its full share leaves the rest to the others. */
  has(count: number): void {
    if (count !== this.each) return
    this.open--
    this.left -= count
    this.each = this.open === 0 ? 0 : Math.ceil(this.left / this.open)
  }
}

const keyOf = (subtopologyId: string, partition: number): string => `${partition} ${subtopologyId}`

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byPartition = (a: Task, b: Task): number => a.partition - b.partition || byText(a.subtopologyId, b.subtopologyId)
const bySubtopology = (a: Task, b: Task): number =>
  byText(a.subtopologyId, b.subtopologyId) || a.partition - b.partition

const assignTo = (
  places: ReadonlyArray<Place>,
  subtopologies: ReadonlyMap<string, TaskSource>,
  standbyReplicas: number
): void => {
  const tasks: Array<Task> = []
  const stateful: Array<Task> = []
  for (const [subtopologyId, source] of subtopologies) {
    for (let partition = 0; partition < source.tasks; partition++) {
      const task = { key: keyOf(subtopologyId, partition), subtopologyId, partition }
      tasks.push(task)
      if (source.stateful) stateful.push(task)
    }
  }
  const former = formerOwners(places)
  /** Processes that have the task already. */
  const holders = new Map<string, Set<string>>()
  const all = new Share(tasks.length + stateful.length * standbyReplicas, places.length)
  const give = (place: Place, task: Task, kind: "active" | "standby"): void => {
    place[kind].push(task)
    place.load++
    const processes = holders.get(task.key)
    if (processes === undefined) holders.set(task.key, new Set([place.processId]))
    else processes.add(place.processId)
  }
  assignActive(places, tasks, former, (place, task) => {
    give(place, task, "active")
    all.has(place.load)
  })
  if (standbyReplicas === 0) return
  const free = (place: Place, task: Task): boolean => holders.get(task.key)?.has(place.processId) !== true
  assignStandby(places, stateful, standbyReplicas, former, all, free, (place, task) => {
    give(place, task, "standby")
    all.has(place.load)
  })
}

interface Former {
  readonly active: ReadonlyMap<string, Place>
  readonly standby: ReadonlyMap<string, ReadonlyArray<Place>>
}

const formerOwners = (places: ReadonlyArray<Place>): Former => {
  const active = new Map<string, Place>()
  const standby = new Map<string, Array<Place>>()
  for (const place of places) {
    for (const [subtopologyId, partitions] of place.before.active) {
      for (const partition of partitions) active.set(keyOf(subtopologyId, partition), place)
    }
    for (const [subtopologyId, partitions] of place.before.standby) {
      for (const partition of partitions) {
        const key = keyOf(subtopologyId, partition)
        const owners = standby.get(key)
        if (owners === undefined) standby.set(key, [place])
        else owners.push(place)
      }
    }
  }
  return { active, standby }
}

const leastBusy = (places: ReadonlyArray<Place>): Place | undefined => {
  let least = places[0]
  for (const place of places) if (place.load < least!.load) least = place
  return least
}

const assignActive = (
  places: ReadonlyArray<Place>,
  tasks: ReadonlyArray<Task>,
  former: Former,
  give: (place: Place, task: Task) => void
): void => {
  const share = new Share(tasks.length, places.length)
  const where = [
    (task: Task) => former.active.get(task.key),
    (task: Task) => leastBusy(former.standby.get(task.key) ?? [])
  ]
  // partition by partition, as what read the same partition was put together before
  let left: ReadonlyArray<Task> = tasks.slice().sort(byPartition)
  for (const before of where) {
    left = left.filter((task) => {
      const place = before(task)
      if (place === undefined || place.load >= share.each) return true
      give(place, task)
      share.has(place.load)
      return false
    })
  }
  // subtopology by subtopology, so that each is spread over all
  const queue = new Queue(places)
  for (const task of left.slice().sort(bySubtopology)) {
    const place = queue.next(() => true)!
    give(place, task)
    queue.sank(place)
  }
}

const assignStandby = (
  places: ReadonlyArray<Place>,
  tasks: ReadonlyArray<Task>,
  replicas: number,
  former: Former,
  all: Share,
  free: (place: Place, task: Task) => boolean,
  give: (place: Place, task: Task) => void
): void => {
  const left: Array<{ readonly task: Task; readonly replicas: number }> = []
  for (const task of tasks.slice().sort((a, b) => byPartition(b, a))) {
    for (let i = 0; i < replicas; i++) {
      const active = former.active.get(task.key)
      const mayStay = active !== undefined && free(active, task) && active.load < all.each
      const place = mayStay
        ? active
        : leastBusy((former.standby.get(task.key) ?? []).filter((owner) => free(owner, task)))
      if (place === undefined || place.load >= all.each) {
        left.push({ task, replicas: replicas - i })
        break
      }
      give(place, task)
    }
  }
  const queue = new Queue(places)
  for (const { replicas, task } of left.sort((a, b) => bySubtopology(b.task, a.task))) {
    for (let i = 0; i < replicas; i++) {
      const place = queue.next((candidate) => free(candidate, task))
      if (place === undefined) break
      give(place, task)
      queue.sank(place)
    }
  }
}

/** Members by how much they have to do: one that may not have a task is passed over with its whole process. */
class Queue {
  private readonly processes: LoadHeap<LoadHeap<Place>>
  private readonly processOf = new Map<string, LoadHeap<Place>>()

  constructor(places: ReadonlyArray<Place>) {
    const members = new Map<string, Array<Place>>()
    for (const place of places) {
      const own = members.get(place.processId)
      if (own === undefined) members.set(place.processId, [place])
      else own.push(place)
    }
    for (const [processId, own] of members) this.processOf.set(processId, new LoadHeap(own))
    this.processes = new LoadHeap(Array.from(this.processOf.values()))
  }

  /** Of the least busy member for which it holds, as it does for all of a process or for none. */
  next(holds: (place: Place) => boolean): Place | undefined {
    return this.processes.firstThat((process) => holds(process.first))?.first
  }

  /** Has more to do than before. */
  sank(place: Place): void {
    const process = this.processOf.get(place.processId)!
    process.sank(place)
    this.processes.sank(process)
  }
}

interface Loaded {
  readonly memberId: string
  readonly load: number
  /** Where it stands in its heap. */
  at: number
}

const isBefore = (a: Loaded, b: Loaded): boolean => a.load < b.load || (a.load === b.load && a.memberId < b.memberId)

/** A binary heap, never empty, the least busy first; as busy as that one itself. */
class LoadHeap<A extends Loaded> implements Loaded {
  private readonly heap: Array<A>
  at = 0

  constructor(entries: ReadonlyArray<A>) {
    this.heap = entries.slice().sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.heap.forEach((entry, at) => (entry.at = at))
  }

  get first(): A {
    return this.heap[0]!
  }
  get memberId(): string {
    return this.first.memberId
  }
  get load(): number {
    return this.first.load
  }

  /** Those before it are looked at, and their children. */
  firstThat(holds: (entry: A) => boolean): A | undefined {
    const open = [this.first]
    while (open.length > 0) {
      let next = 0
      for (let i = 1; i < open.length; i++) if (isBefore(open[i]!, open[next]!)) next = i
      const entry = open.splice(next, 1)[0]!
      if (holds(entry)) return entry
      for (const child of [2 * entry.at + 1, 2 * entry.at + 2]) {
        if (child < this.heap.length) open.push(this.heap[child]!)
      }
    }
    return undefined
  }

  sank(entry: A): void {
    for (;;) {
      let least = entry.at
      for (const child of [2 * entry.at + 1, 2 * entry.at + 2]) {
        if (child < this.heap.length && isBefore(this.heap[child]!, this.heap[least]!)) least = child
      }
      if (least === entry.at) return
      const other = this.heap[least]!
      this.heap[entry.at] = other
      other.at = entry.at
      this.heap[least] = entry
      entry.at = least
    }
  }
}

const byTopology = (tasks: ReadonlyArray<Task>): TaskIds => {
  const ids = new Map<string, Set<number>>()
  for (const { partition, subtopologyId } of tasks.slice().sort(bySubtopology)) {
    const partitions = ids.get(subtopologyId)
    if (partitions === undefined) ids.set(subtopologyId, new Set([partition]))
    else partitions.add(partition)
  }
  return ids
}
