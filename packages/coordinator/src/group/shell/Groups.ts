import type { KafkaError } from "@tusk/protocol/KafkaError"
import { GroupIdNotFound, GroupSubscribedToTopic, NotCoordinator } from "@tusk/protocol/KafkaError"
import type { OnDeleted } from "@tusk/storage/commit/OnDeleted"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import type { CommittedOffset } from "@tusk/storage/offsets/Offsets"
import { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeClassicGroups, named } from "./ClassicGroups.ts"
import type { ClassicGroups } from "./ClassicGroups.ts"
import { makeClassicInConsumer } from "./ClassicInConsumer.ts"
import { GroupCells } from "./GroupCells.ts"
import { defaultGroupConfig } from "./GroupConfig.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import { GroupConversion } from "./GroupConversion.ts"
import type { Committing, Fetching } from "../machine/GroupKind.ts"
import type { AnyCell } from "./GroupKinds.ts"
import type * as Asked from "./GroupRequests.ts"
import type { Storing } from "./OffsetCommits.ts"
import { makeOffsetCommits, notStored } from "./OffsetCommits.ts"
import { expireOffsets } from "./OffsetExpiry.ts"

/** A client that is in no group. */
const OUTSIDER: Fetching = { memberId: null, memberEpoch: -1 }

/**
 * The group coordinator: what is asked of groups of every kind, and of classic ones. Members, generations and
 * assignments are kept by `GroupStore`, offsets by `Offsets`. An answer leaves after what it tells is stored. If that
 * fails, and after a take-over, the group is loaded again and requests that waited get NOT_COORDINATOR. Interrupting a
 * call gives up the wait, not what was asked.
 */
export class Groups extends Context.Service<
  Groups,
  ClassicGroups & {
    /** Whether this member may commit now; counts as a sign of life. */
    readonly validateCommit: (request: Committing) => Effect.Effect<void, KafkaError>
    /**
     * A result for each offset, in order. Commits of one group are stored in the order they were found valid; `storing`
     * stores them in place of a commit of its own: those of a transaction.
     */
    readonly commitOffsets: (
      request: Asked.CommitOffsets,
      storing?: Storing
    ) => Effect.Effect<ReadonlyArray<KafkaError | null>, KafkaError>
    /** By partition id; empty for a group that is not known. */
    readonly fetchOffsets: (
      groupId: string,
      fetching?: Fetching
    ) => Effect.Effect<ReadonlyMap<number, CommittedOffset>, KafkaError>
    readonly listGroups: (request: Asked.ListGroups) => Effect.Effect<ReadonlyArray<Asked.ListedGroup>, KafkaError>
    /** With all their offsets. NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND; null: deleted. In order. */
    readonly deleteGroups: (groupIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<KafkaError | null>>
    /** For services that keep something of groups: called with the id of each that is deleted, for whichever reason. */
    readonly onDeleted: (hook: OnDeleted<string>) => void
    /** A result for each topic, in order: GROUP_SUBSCRIBED_TO_TOPIC or null. */
    readonly deleteOffsets: (
      request: Asked.DeleteOffsets
    ) => Effect.Effect<ReadonlyArray<KafkaError | null>, KafkaError>
  }
>()("@tusk/coordinator/group/shell/Groups") {
  static readonly layer = (
    config: Partial<GroupConfig> = {}
  ): Layer.Layer<Groups | GroupCells | GroupConversion, KafkaError, GroupStore | Offsets | SqlClaims | Topics> => {
    const all = { ...defaultGroupConfig, ...config }
    return Layer.effect(Groups, make(all)).pipe(
      Layer.provideMerge(GroupConversion.layer(all)),
      Layer.provideMerge(GroupCells.layer(all))
    )
  }
}

const make = Effect.fnUntraced(function* (config: GroupConfig) {
  const offsets = yield* Offsets
  const { onDeleted } = yield* GroupStore
  const cells = yield* GroupCells
  const configs = yield* GroupConfigs
  const conversion = yield* GroupConversion
  const topics = yield* Topics
  yield* Effect.forkScoped(expireOffsets(config, cells, offsets, topics))

  const known = (groupId: string): Effect.Effect<AnyCell, KafkaError> =>
    Effect.flatMap(cells.find(groupId), (cell) =>
      cell === null ? Effect.fail(new GroupIdNotFound()) : Effect.succeed(cell)
    )

  const fetchOffsets = Effect.fnUntraced(function* (groupId: string, fetching: Fetching = OUTSIDER) {
    yield* cells.admit({ groupId, memberId: fetching.memberId })
    const cell = fetching.memberId === null && fetching.memberEpoch < 0 ? null : yield* cells.find(groupId)
    const error = cell?.fetchError(fetching) ?? null
    return error === null ? offsets.fetch(groupId) : yield* Effect.fail(error)
  })

  const listGroups = Effect.fnUntraced(function* (request: Asked.ListGroups) {
    const states = lowerCase(request.states)
    const types = lowerCase(request.types)
    const listed: Array<Asked.ListedGroup> = []
    for (const cell of yield* cells.all) {
      const { members, protocolType, state } = cell.listed()
      if (states.size > 0 && !states.has(state.toLowerCase())) continue
      if (types.size > 0 && !types.has(cell.kind)) continue
      listed.push({ groupId: cell.groupId, protocolType, state, type: cell.kind, members })
    }
    return listed
  })

  const deleteGroup = (groupId: string): Effect.Effect<KafkaError | null> =>
    cells
      .retrying(Effect.flatMap(known(groupId), (cell) => cell.remove))
      .pipe(Effect.catch((error) => Effect.succeed(error)))

  const deleteOffsets = Effect.fnUntraced(function* (request: Asked.DeleteOffsets) {
    yield* named(request.groupId)
    const cell = yield* known(request.groupId)
    const results: Array<KafkaError | null> = []
    yield* cell.exclusive(() =>
      Effect.gen(function* () {
        if (cell.isDead()) return yield* new GroupIdNotFound()
        const inUse = cell.inUse()
        if (typeof inUse !== "function") return yield* Effect.fail(inUse)
        const partitionIds: Array<number> = []
        for (const topic of request.topics) {
          const subscribed = inUse(topic.name)
          results.push(subscribed ? new GroupSubscribedToTopic() : null)
          if (!subscribed) partitionIds.push(...topic.partitionIds)
        }
        const held = offsets.fetch(request.groupId)
        const there = partitionIds.filter((partitionId) => held.has(partitionId))
        if (there.length > 0) yield* Effect.mapError(offsets.remove(request.groupId, there), notStored)
      })
    )
    if (!cell.isOpen() && results.length === 0) return yield* new NotCoordinator()
    return results
  })

  return Groups.of({
    ...makeClassicGroups(cells, conversion, makeClassicInConsumer(config, configs, conversion.patterns, topics)),
    ...makeOffsetCommits(config, cells, { offsets, claims: yield* SqlClaims }, yield* Effect.scope),
    fetchOffsets,
    listGroups,
    deleteGroups: (groupIds) => Effect.forEach(groupIds, deleteGroup),
    onDeleted,
    deleteOffsets
  })
})

const lowerCase = (names: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(names.map((name) => name.toLowerCase()))
