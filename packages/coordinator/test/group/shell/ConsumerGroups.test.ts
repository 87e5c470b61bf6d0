import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroups } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { defaultGroupResourceConfig, GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { Disk } from "../Disk.ts"
import { flat } from "../consumer/Play.ts"

const newDisk = (): Disk => {
  const disk = new Disk()
  disk.topics = [{ topicId: "id-t", name: "t", partitionIds: [1, 2] }]
  return disk
}

const brokerOn = (disk: Disk, protocols: ReadonlyArray<string> = ["classic", "consumer"]) =>
  ConsumerGroups.layer.pipe(
    Layer.provideMerge(Groups.layer({ offsetsRetentionMs: 1000, offsetsRetentionCheckIntervalMs: 1000 })),
    Layer.provide(disk.layer),
    Layer.provide(
      Layer.succeed(GroupConfigs, () => ({
        ...defaultGroupResourceConfig,
        consumerAssignmentIntervalMs: 0,
        rebalanceProtocols: protocols
      }))
    ),
    Layer.fresh
  )

/** What is answered, in short: the epoch and the partitions told, or the error. */
const beat = (memberId: string, memberEpoch: number, owned: ReadonlyArray<number> | null = null) =>
  Effect.flatMap(ConsumerGroups, (groups) =>
    groups.heartbeat({
      groupId: "g",
      apiVersion: 1,
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: memberEpoch === 0 ? 30_000 : -1,
      subscribedTopicNames: memberEpoch === 0 ? ["t"] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: memberEpoch === 0 ? [] : owned && [{ topicId: "id-t", partitions: owned }],
      clientId: "c",
      clientHost: "/h"
    })
  ).pipe(
    Effect.match({
      onFailure: ({ _tag }) => _tag as string,
      onSuccess: ({ assignment, memberEpoch }) =>
        `${memberEpoch} ${assignment === null ? "-" : flat(assignment).join()}`
    })
  )

describe("ConsumerGroups", () => {
  it.effect("a write that fails is as if nothing was asked; one that lost its answer may be asked for again", () =>
    Effect.gen(function* () {
      const disk = newDisk()
      yield* Effect.provide(
        Effect.gen(function* () {
          assert.strictEqual(yield* beat("a", 0), "2 t-0,t-1")
          disk.fault = "before"
          assert.strictEqual(yield* beat("b", 0), "NotCoordinator")
          assert.strictEqual(disk.groups.get("g")!.members!.length, 1)
          assert.strictEqual(yield* beat("a", 2), "2 -")
          disk.fault = "after"
          assert.strictEqual(yield* beat("b", 0), "NotCoordinator")
          assert.strictEqual(disk.groups.get("g")!.members!.length, 2)
          assert.strictEqual(yield* beat("a", 2, [0, 1]), "2 t-0")
          assert.strictEqual(yield* beat("a", 2, [0]), "4 -")
          assert.strictEqual(yield* beat("b", 0), "4 t-1")
        }),
        brokerOn(disk)
      )
    })
  )

  it.effect("a restart and a take-over change nothing for members", () =>
    Effect.gen(function* () {
      const disk = newDisk()
      yield* Effect.provide(beat("a", 0), brokerOn(disk))
      const { length } = disk.log
      yield* Effect.provide(
        Effect.gen(function* () {
          assert.strictEqual(yield* beat("a", 2), "2 -")
          yield* disk.takeOver
          assert.strictEqual(yield* beat("a", 2), "2 -")
        }),
        brokerOn(disk)
      )
      assert.strictEqual(disk.log.length, length, "something was written")
    })
  )

  it.effect("a silent member's session ends by itself; a group that no client needs is forgotten", () =>
    Effect.gen(function* () {
      const disk = newDisk()
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* beat("a", 0)
          yield* TestClock.adjust("44 seconds")
          assert.strictEqual(yield* beat("a", 2), "2 -")
          yield* TestClock.adjust("45 seconds")
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* beat("a", 2), "GroupIdNotFound")
          assert.strictEqual(disk.groups.size, 0)
        }),
        brokerOn(disk)
      )
    })
  )

  it.effect("a member that is refused leaves no group behind; without the protocol none is served", () =>
    Effect.gen(function* () {
      const disk = newDisk()
      assert.strictEqual(yield* Effect.provide(beat("a", 1), brokerOn(disk)), "GroupIdNotFound")
      assert.strictEqual(yield* Effect.provide(beat("a", 0), brokerOn(disk, ["classic"])), "UnsupportedVersion")
      assert.strictEqual(disk.log.length, 0)
    })
  )
})
