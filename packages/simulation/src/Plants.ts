import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { groups as groupsLayer } from "@tusk/server/BrokerLayer"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Configs } from "@tusk/storage/topics/Configs"
import type { DecideConfigs } from "@tusk/storage/topics/Configs"
import { NOTHING_TOLD, UNKNOWN } from "@tusk/storage/port/counters"
import { Log } from "@tusk/storage/log/Log"
import { LogOptions } from "@tusk/storage/log/LogOptions"
import { readsOf } from "@tusk/storage/memory/memoryReads"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import type { Participant } from "@tusk/storage/commit/Participant"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { objectPlants } from "./ObjectPlants.ts"
import type { Plant } from "./Plant.ts"
import { securityPlants } from "./SecurityPlants.ts"
import { sidePlants } from "./SidePlants.ts"
import { sqlPlants } from "./SqlPlants.ts"
import { transactionPlants } from "./TransactionPlants.ts"

/** The part as it is, but for what `change` makes of it. */
const changed = <I, S, O, E, R>(
  tag: { readonly [Symbol.iterator]: any } & Effect.Effect<S, never, I>,
  layer: Layer.Layer<I | O, E, R>,
  change: (service: S) => S
): Layer.Layer<I | O, E, R> =>
  Layer.effect(tag as never, Effect.map(tag, change) as never).pipe(Layer.provideMerge(layer)) as never

/** A commit is acknowledged when it is sent. */
const ackBeforeCommit: Plant = {
  name: "ack-before-commit",
  store: (store, _, view) => ({
    ...store,
    commit: (units) =>
      Effect.sync(() => {
        view.fork(Effect.ignore(store.commit(units)))
      })
  })
}

/** A broker that has lost the lock writes all the same, and thinks that all is well. */
const dropFence: Plant = {
  name: "drop-fence",
  store: (store, database) => ({
    ...store,
    commit: (units) =>
      Effect.catchTag(store.commit(units), "Fenced", () => Effect.suspend(() => database.applyUnfenced(units))),
    ping: Effect.void
  })
}

/** What a second session has in hand is stored behind a take-over: nobody has waited for that session. */
const besideNotFenced: Plant = {
  name: "beside-not-fenced",
  store: (store, database) => ({
    ...store,
    beside: {
      ready: store.beside!.ready,
      commit: (units) =>
        Effect.catchIf(
          store.beside!.commit(units),
          ({ _tag }) => _tag === "Fenced" || _tag === "OutcomeUnknown",
          () => Effect.suspend(() => database.applyUnfenced(units))
        )
    }
  })
}

/** The same decision, but for taking back what it assumed. */
const keeping = <A>(participant: Participant<A>): Participant<A> => ({
  bytes: participant.bytes,
  prepare: participant.prepare,
  partitionIds: participant.partitionIds,
  assemble: (writes) => participant.assemble(writes),
  retract: () => {},
  settle: (error) => participant.settle(error),
  answer: () => participant.answer()
})

/** What a failed commit assumed is kept: offsets and sequences go on from there. */
const keepAssumed: Plant = {
  name: "keep-assumed",
  seed: 3,
  parts: {
    committer: changed(Committer, Committer.layer, (committer) => ({
      ...committer,
      submit: (participant, timeoutMs) => committer.submit(keeping(participant), timeoutMs),
      offer: (participant, done, timeoutMs) => committer.offer(keeping(participant), done, timeoutMs)
    }))
  }
}

const deaf = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
  currentTimeNanos: clock.currentTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: () => Effect.never
})

const withoutTimers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.Clock, (clock) => Effect.provideService(effect, Clock.Clock, deaf(clock)))

/** The timers of groups never ring: a member that falls silent stays one for ever. */
const forgetTimer: Plant = {
  name: "forget-timer",
  seed: 7,
  parts: {
    groups: changed(Groups, groupsLayer, (groups) => ({
      ...groups,
      joinGroup: (request) => withoutTimers(groups.joinGroup(request)),
      syncGroup: (request) => withoutTimers(groups.syncGroup(request)),
      heartbeat: (request) => withoutTimers(groups.heartbeat(request)),
      leaveGroup: (request) => withoutTimers(groups.leaveGroup(request)),
      commitOffsets: (request, storing) => withoutTimers(groups.commitOffsets(request, storing))
    }))
  }
}

/** The member that asks second for its part of a generation is given the first one's. */
const twoOwners: Plant = {
  name: "two-owners",
  parts: {
    groups: changed(Groups, groupsLayer, (groups) => {
      const first = new Map<string, Uint8Array>()
      return {
        ...groups,
        syncGroup: (request) =>
          Effect.map(groups.syncGroup(request), (answer) => {
            const key = `${request.groupId}/${request.generationId}`
            const assignment = first.get(key) ?? answer.assignment
            first.set(key, assignment)
            return { ...answer, assignment }
          })
      }
    })
  }
}

/** A batch that is there already is stored once more, as no producer is remembered. */
const countDuplicate: Plant = {
  name: "count-duplicate",
  parts: {
    log: Layer.provide(
      Log.layer,
      Layer.effect(
        LogOptions,
        Effect.map(LogOptions, (options) => ({ ...options, maxProducers: 0 }))
      )
    )
  }
}

/** It is not checked which member commits. */
const commitUnfenced: Plant = {
  name: "commit-unfenced",
  seed: 7,
  parts: {
    groups: Layer.effect(
      Groups,
      Effect.gen(function* () {
        const groups = yield* Groups
        const offsets = yield* Offsets
        return Groups.of({
          ...groups,
          commitOffsets: (request) =>
            Effect.as(
              offsets.commit(
                request.groupId,
                request.offsets.map((offset) => ({ ...offset, commitTimestamp: 0n, expireTimestamp: -1n }))
              ),
              request.offsets.map(() => null)
            )
        })
      })
    ).pipe(Layer.provideMerge(groupsLayer))
  }
}

/** The state of producers is not read again after a restart. */
const forgetSequences: Plant = {
  name: "forget-sequences",
  seed: 2,
  store: (store) => ({
    ...store,
    loadPartitions: (ids) =>
      Effect.map(store.loadPartitions(ids), (partitions) =>
        partitions.map((partition) => ({ ...partition, producerSnapshot: null, producerBatches: [] }))
      )
  })
}

/** After a take-over the log goes on from what it had in memory. */
const noReload: Plant = {
  name: "no-reload",
  parts: {
    log: Layer.provide(
      Log.layer,
      Layer.effect(
        Active,
        Effect.map(Active, (active) => ({ ...active, onTakeOver: () => {} }))
      )
    )
  }
}

/** Offsets are acknowledged, and seen, before they are stored. */
const ackOffsetsEarly: Plant = {
  name: "ack-offsets-early",
  parts: {
    offsets: Layer.effect(
      Offsets,
      Effect.gen(function* () {
        const offsets = yield* Offsets
        const scope = yield* Effect.scope
        return Offsets.of({
          ...offsets,
          commit: (groupId, entries) =>
            Effect.asVoid(Effect.forkIn(Effect.ignore(offsets.commit(groupId, entries)), scope))
        })
      })
    ).pipe(Layer.provide(Offsets.layer))
  }
}

/** A commit of unknown outcome is told to be not stored at once, and looked up meanwhile. */
const answerBeforeLooking: Plant = {
  name: "answer-before-looking",
  seed: 28,
  parts: {
    committer: Layer.provide(
      Committer.layer,
      Layer.effect(
        Active,
        Effect.map(Active, (active) => ({
          ...active,
          failed: (error, reign) =>
            error._tag === "OutcomeUnknown"
              ? Effect.as(Effect.forkDetach(active.failed(error, reign), { startImmediately: true }), "NotStored")
              : active.failed(error, reign)
        }))
      )
    )
  }
}

/** No broker notices that another server has taken over: counters and ends go on from what it has. */
const epochAgain: Plant = {
  name: "epoch-again",
  seed: 5,
  store: (store, database) => ({
    ...store,
    acquire: () =>
      Effect.suspend(() => {
        const { data } = database.server
        data.noted = { systemIdentifier: data.systemIdentifier, timeline: data.timeline, place: UNKNOWN }
        return store.acquire(NOTHING_TOLD)
      })
  })
}

/** Behind a failover everything is read from the server before it. */
const readerOfOldServer: Plant = {
  name: "reader-of-old-server",
  store: (store, database) => {
    type Reads = ReturnType<typeof readsOf>
    const read = <A>(ask: (reads: Reads) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => ask(database.old === undefined ? store : readsOf(database.old.data)))
    return {
      ...store,
      read: (requests, maxBytes) => read((reads) => reads.read(requests, maxBytes)),
      findByTimestamp: (id, timestamp) => read((reads) => reads.findByTimestamp(id, timestamp)),
      sizes: (id, from, limit) => read((reads) => reads.sizes(id, from, limit))
    }
  }
}

/** What changes between a look and the wait for a change is not noticed. */
const lostWakeUp: Plant = {
  name: "lost-wake-up",
  seed: 2,
  signals: () => {
    const waiters = new Set<() => void>()
    const next = Effect.callback<void>((resume) => {
      const wake = () => resume(Effect.void)
      waiters.add(wake)
      return Effect.sync(() => void waiters.delete(wake))
    })
    const until = (condition: () => boolean): Effect.Effect<void> =>
      Effect.suspend(() =>
        condition()
          ? Effect.void
          : Effect.yieldNow.pipe(
              Effect.andThen(next),
              Effect.flatMap(() => until(condition))
            )
      )
    return {
      until,
      notify: () => {
        const woken = Array.from(waiters)
        waiters.clear()
        for (const wake of woken) wake()
      }
    }
  }
}

/** What a config change makes of a resource is decided when it is asked for, and not in its commit. */
const configBesideTheQueue: Plant = {
  name: "config-beside-the-queue",
  parts: {
    configs: changed(Configs, Configs.layer, (configs) => {
      const before = (resourceType: number, resourceName: string, decide: DecideConfigs): DecideConfigs => {
        const decided = decide(configs.of(resourceType, resourceName))
        return () => decided
      }
      return {
        ...configs,
        changing: (type, name, decide) => configs.changing(type, name, before(type, name, decide)),
        change: (type, name, decide) => Effect.suspend(() => configs.change(type, name, before(type, name, decide)))
      }
    })
  }
}

/** Brokers that are broken on purpose: each has to be found. */
export const plants: ReadonlyArray<Plant> = [
  ackBeforeCommit,
  dropFence,
  besideNotFenced,
  keepAssumed,
  forgetTimer,
  twoOwners,
  countDuplicate,
  commitUnfenced,
  forgetSequences,
  noReload,
  ackOffsetsEarly,
  answerBeforeLooking,
  epochAgain,
  readerOfOldServer,
  lostWakeUp,
  configBesideTheQueue,
  ...transactionPlants,
  ...sqlPlants,
  ...securityPlants,
  ...sidePlants,
  ...objectPlants
]
