import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  GroupIdNotFound,
  IllegalGeneration,
  NotCoordinator,
  OffsetMetadataTooLarge,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { CommittedOffset, Offsets } from "@tusk/storage/offsets/Offsets"
import type { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Committing } from "../machine/GroupKind.ts"
import type { GroupCells } from "./GroupCells.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import type { AnyCell } from "./GroupKinds.ts"
import type * as Asked from "./GroupRequests.ts"

/** The last time there is on the wire and in the store, in milliseconds. */
const END_OF_TIME = 2n ** 63n - 1n
const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** As Kafka answers if a group's data cannot be written: clients look the coordinator up again and repeat. */
export const notStored = (cause: KafkaError): KafkaError => new NotCoordinator({ cause })

/** What stores offsets, if not a commit of their own. */
export interface Storing {
  /** Fails if no client may commit anything. */
  readonly mayCommit: Effect.Effect<void, KafkaError>
  /** Takes its place in the Committer's queue when it is run, and returns once the offsets are stored. */
  readonly store: (entries: ReadonlyArray<CommittedOffset>) => Effect.Effect<void, KafkaError>
}

/** Why one offset is not committed, whoever asks: for what is claimed in SQL as for a group of others. */
const refusal = (
  config: GroupConfig,
  claims: SqlClaims["Service"],
  groupId: string,
  { metadata, partitionId }: Asked.OffsetToCommit
): KafkaError | null => {
  if (claims.has(groupId, partitionId)) return new UnknownMemberId()
  return (metadata?.length ?? 0) > config.offsetMetadataMaxBytes ? new OffsetMetadataTooLarge() : null
}

/** Commits of offsets, by members of a group and by clients in none. */
export const makeOffsetCommits = (
  config: GroupConfig,
  cells: GroupCells["Service"],
  { claims, offsets }: { readonly claims: SqlClaims["Service"]; readonly offsets: Offsets["Service"] },
  scope: Scope.Scope
) => {
  /** A commit without a generation makes a group if there is none: a simple consumer's. */
  const committingCell = (request: Committing): Effect.Effect<AnyCell, KafkaError> =>
    request.generationId < 0
      ? cells.findOrMake(request.groupId, "classic")
      : Effect.flatMap(cells.find(request.groupId), (cell) => {
          if (cell !== null) return Effect.succeed(cell)
          const isNewer = request.apiVersion >= 9 && !request.transactional
          return Effect.fail(isNewer ? new GroupIdNotFound() : new IllegalGeneration())
        })
  const askToCommit = (
    request: Committing,
    admit?: Effect.Effect<void>,
    mayCommit: Effect.Effect<void, KafkaError> = Effect.void
  ) =>
    cells.admit(request).pipe(
      Effect.andThen(mayCommit),
      Effect.andThen(cells.retrying(Effect.flatMap(committingCell(request), (cell) => cell.commit(request, admit)))),
      Effect.flatMap((error) => (error === null ? Effect.void : Effect.fail(error)))
    )

  const commitOffsets = Effect.fnUntraced(function* (
    request: Asked.CommitOffsets,
    storing: Storing = {
      mayCommit: Effect.void,
      store: (entries) => Effect.mapError(offsets.commit(request.groupId, entries), notStored)
    }
  ) {
    const { groupId, retentionTimeMs } = request
    const now = BigInt(yield* Clock.currentTimeMillis)
    const errors = request.offsets.map((offset) => refusal(config, claims, groupId, offset))
    const expireTimestamp = retentionTimeMs < 0n ? -1n : earlier(now + retentionTimeMs, END_OF_TIME)
    const entries = request.offsets
      .filter((_, i) => errors[i] === null)
      .map((offset): CommittedOffset => ({ ...offset, commitTimestamp: now, expireTimestamp }))
    // the group stays in memory, and is not expired, until its offsets are there
    yield* Effect.acquireUseRelease(
      Effect.sync(() => cells.hold(groupId)),
      () => validateThenCommit(request, entries, storing),
      () =>
        Effect.sync(() => {
          cells.release(groupId)
          cells.settle(groupId)
        })
    )
    return errors
  })

  /** The commit is admitted before any later step of the group, and goes on if its client does not wait. */
  const validateThenCommit = (
    request: Asked.CommitOffsets,
    entries: ReadonlyArray<CommittedOffset>,
    storing: Storing
  ) =>
    Effect.gen(function* () {
      let commit: Fiber.Fiber<void, KafkaError> | undefined
      const admit = Effect.suspend(() =>
        entries.length === 0
          ? Effect.void
          : Effect.map(Effect.forkIn(storing.store(entries), scope, { startImmediately: true }), (fiber) => {
              commit = fiber
            })
      )
      yield* askToCommit(request, admit, storing.mayCommit)
      if (commit !== undefined) yield* Fiber.join(commit)
    })

  return { validateCommit: (request: Committing) => askToCommit(request), commitOffsets }
}
