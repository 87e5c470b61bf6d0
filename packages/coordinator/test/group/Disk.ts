import { KafkaStorageError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { makeDeletionHooks } from "@tusk/storage/commit/OnDeleted"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import type { GroupToStore, StoredGroup } from "@tusk/storage/groups/GroupStore"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import type { CommittedOffset } from "@tusk/storage/offsets/Offsets"
import { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"

const notHere = (): never => {
  throw new Error("not here")
}

/** What outlives a broker, with faults to order. Offsets and groups are committed one after the other. */
export class Disk {
  readonly groups = new Map<string, StoredGroup>()
  readonly offsets = new Map<string, Map<number, CommittedOffset>>()
  /** Partitions that a group consumes in SQL. */
  readonly claims = new Map<string, ReadonlyArray<number>>()
  /** What there is; a change of it has another length. */
  topics: ReadonlyArray<Topic> = []
  /** Everything written, in order. */
  readonly log: Array<string> = []
  loads = 0
  /** The next write fails: it did not happen, or it did and no caller was told. */
  fault: "none" | "before" | "after" = "none"
  failLoads = false
  /** How long no client could be answered. */
  unservedMs = 0
  /** Closed: writes wait. */
  readonly open = Latch.makeUnsafe(true)
  takeOver: Effect.Effect<void> = Effect.void

  private put({ groupId, kind, value, ...change }: GroupToStore): void {
    const before = this.groups.get(groupId)
    const kept = change.membersAnew === true ? undefined : before
    const members = new Map(kept?.members.map((member) => [member.memberId, member]))
    const partitions = new Map(kept?.sharePartitions.map((partition) => [partition.partitionId, partition]))
    for (const { memberId, value } of change.members ?? []) {
      if (value === null) members.delete(memberId)
      else members.set(memberId, { memberId, value })
    }
    for (const { partitionId, value } of change.sharePartitions ?? []) {
      if (value === null) partitions.delete(partitionId)
      else partitions.set(partitionId, { partitionId, value })
    }
    this.groups.set(groupId, {
      groupId,
      kind,
      value: value ?? before?.value ?? "",
      members: Array.from(members.values()),
      sharePartitions: Array.from(partitions.values())
    })
  }

  private write(name: string, apply: () => void): Effect.Effect<void, KafkaError> {
    return Effect.suspend(() => {
      // admitted in the caller's turn
      this.log.push(name)
      return Effect.andThen(
        this.open.await,
        Effect.suspend(() => {
          const { fault } = this
          this.fault = "none"
          if (fault !== "before") apply()
          return fault === "none" ? Effect.void : Effect.fail(new KafkaStorageError())
        })
      )
    })
  }

  /** The services of one broker. */
  get layer(): Layer.Layer<GroupStore | Offsets | SqlClaims | Topics> {
    const deletion = makeDeletionHooks<string>()
    const store = GroupStore.of({
      load: Effect.suspend(() => {
        this.loads++
        return this.failLoads ? Effect.fail(new KafkaStorageError()) : Effect.succeed(Array.from(this.groups.values()))
      }),
      putting: notHere,
      unservedMs: () => this.unservedMs,
      put: (group) => this.write(`put ${group.groupId}`, () => this.put(group)),
      remove: (groupId) =>
        Effect.andThen(
          this.write(`remove ${groupId}`, () => {
            this.groups.delete(groupId)
            this.offsets.delete(groupId)
          }),
          Effect.suspend(() => deletion.after(groupId))
        ),
      onDeleted: deletion.onDeleted,
      onTakeOver: (hook) => {
        this.takeOver = hook
      }
    })
    const offsets = Offsets.of({
      committing: notHere,
      removing: notHere,
      commit: (groupId, entries) =>
        this.write(`commit ${groupId}`, () => {
          const all = this.offsets.get(groupId) ?? new Map<number, CommittedOffset>()
          for (const entry of entries) all.set(entry.partitionId, entry)
          this.offsets.set(groupId, all)
        }),
      fetch: (groupId) => this.offsets.get(groupId) ?? new Map(),
      pend: () => {},
      pending: () => new Map(),
      groupIds: () => this.offsets.keys(),
      remove: (groupId, partitionIds) =>
        this.write(`forget ${groupId} ${partitionIds.join()}`, () => {
          const all = this.offsets.get(groupId)
          for (const partitionId of partitionIds) all?.delete(partitionId)
          if (all?.size === 0) this.offsets.delete(groupId)
        }),
      forgetting: notHere,
      forgettingGroup: notHere
    })
    const claims = SqlClaims.of({
      has: (groupId, partitionId) => this.claims.get(groupId)?.includes(partitionId) === true,
      claimed: notHere,
      released: notHere,
      forgetting: notHere
    })
    const topics = Topics.of({
      byName: (name) => this.topics.find((topic) => topic.name === name),
      assumed: (name) => this.topics.find((topic) => topic.name === name),
      creating: notHere,
      byId: (topicId) => this.topics.find((topic) => topic.topicId === topicId),
      ofPartition: () => undefined,
      all: () => this.topics,
      version: () => this.topics.length,
      until: () => Effect.never,
      tooMany: () => undefined,
      create: () => Effect.die("not here"),
      addPartitions: () => Effect.die("not here"),
      remove: () => Effect.die("not here"),
      onDeleted: () => {},
      orphans: () => [],
      orphanGone: () => {}
    })
    return Layer.mergeAll(
      Layer.succeed(GroupStore, store),
      Layer.succeed(Offsets, offsets),
      Layer.succeed(SqlClaims, claims),
      Layer.succeed(Topics, topics)
    )
  }
}
