import { assert, it } from "@effect/vitest"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Configs } from "@tusk/storage/topics/Configs"
import { deletions } from "@tusk/storage/deletions"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { Log } from "@tusk/storage/log/Log"
import { make, MemoryData } from "@tusk/storage/memory/MemoryStore"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import { Store } from "@tusk/storage/port/Store"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const broker = (data: MemoryData) =>
  Groups.layer().pipe(
    Layer.provideMerge(deletions),
    Layer.provide(
      Layer.provideMerge(Layer.mergeAll(GroupStore.layer, Topics.layer), Layer.merge(Offsets.layer, SqlClaims.layer))
    ),
    Layer.provide(Layer.mergeAll(Configs.layer, Log.layer)),
    Layer.provide(Committer.layer),
    Layer.provide(Active.layer),
    Layer.provide(Layer.succeed(Store, make(data, { maxBytes: 1_000_000 }))),
    Layer.fresh
  )

it.effect("membership and offsets outlive the broker, by the real storage services", () =>
  Effect.gen(function* () {
    const data = new MemoryData("cluster")
    const member = yield* Effect.gen(function* () {
      const groups = yield* Groups
      const { memberId } = yield* groups.joinGroup({
        groupId: "g",
        apiVersion: 3,
        memberId: "",
        groupInstanceId: null,
        clientId: "client",
        clientHost: "/127.0.0.1",
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
        protocolType: "connect",
        protocols: [{ name: "sessioned", metadata: new Uint8Array([1, 2, 3]) }],
        reason: null
      })
      const assignments = [{ memberId, assignment: new Uint8Array([9]) }]
      const member = { groupId: "g", memberId, groupInstanceId: null, generationId: 1 }
      yield* groups.syncGroup({ ...member, protocolType: null, protocolName: null, assignments })
      const offsets = [{ partitionId: 1, offset: 5n, leaderEpoch: 0, metadata: "m" }]
      const errors = yield* groups.commitOffsets({
        ...member,
        apiVersion: 8,
        transactional: false,
        retentionTimeMs: -1n,
        offsets
      })
      assert.deepStrictEqual(errors, [null])
      return member
    }).pipe(Effect.provide(broker(data)))

    yield* Effect.gen(function* () {
      const groups = yield* Groups
      yield* groups.heartbeat(member)
      const [described] = yield* groups.describeGroups(["g"])
      assert.deepStrictEqual([described?.state, described?.protocolType], ["Stable", "connect"])
      assert.deepStrictEqual(described?.members[0]?.assignment, new Uint8Array([9]))
      assert.strictEqual((yield* groups.fetchOffsets("g")).get(1)?.offset, 5n)
      yield* groups.leaveGroup({ groupId: "g", members: [member] })
      assert.deepStrictEqual(yield* groups.deleteGroups(["g"]), [null])
      assert.strictEqual((yield* groups.fetchOffsets("g")).size, 0)
    }).pipe(Effect.provide(broker(data)))
    assert.deepStrictEqual([data.groups.size, data.offsets.size], [0, 0])
  })
)
