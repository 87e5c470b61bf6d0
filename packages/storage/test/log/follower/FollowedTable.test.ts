import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { TestClock } from "effect/testing"
import { followerDefaults } from "../../../src/defaults.ts"
import { FollowedTable } from "../../../src/log/follower/FollowedTable.ts"
import { FollowedTables } from "../../../src/log/follower/FollowedTables.ts"
import type { TablePorts } from "../../../src/log/follower/FollowedTable.ts"
import type { MaterialisedRows, MaterialisedTable } from "../../../src/port/MaterialisedTables.ts"

const TABLE = { id: 1, name: "public.latest", topic: "t", topicId: "T" }
const END = { logStartOffset: 0n, lastStableOffset: 5n }
const PARTITION = 7

/** A table whose rows stand at offset 2 until another broker has taken them beyond it. */
const standing = () => {
  const world = { reign: 1, position: 2n, looks: 0 }
  const rows = {
    clear: () => Effect.undefined,
    position: () => Effect.sync(() => ({ nextOffset: world.position, version: 1n })),
    add: () => Effect.succeed({ nextOffset: 2n, version: 2n, refusal: "it does not fit" })
  } as Partial<MaterialisedRows> as MaterialisedRows
  const topic = { topicId: "T", name: "t", partitionIds: [PARTITION] }
  const ports = {
    log: { ends: () => Effect.sync(() => [(world.looks++, END)]), awaitBytes: () => Effect.never },
    topics: { byName: () => topic, ofPartition: () => ({ index: 0 }) },
    readStep: (partitionId: number, from: bigint, to: bigint) => Effect.succeed({ partitionId, from, to, batches: [] }),
    reign: () => world.reign,
    turns: Semaphore.makeUnsafe(1),
    options: followerDefaults
  } as unknown as TablePorts
  return { world, rows, ports, table: new FollowedTable(TABLE, rows, ports) }
}

describe("a table that stood at a record", () => {
  it.effect("waits like any other once another broker has taken it beyond it, and looks no more often", () =>
    Effect.gen(function* () {
      const { table, world } = standing()
      yield* Effect.forkScoped(table.follow, { startImmediately: true })
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(table.state, { lag: 3n, standing: 1 })
      // Beyond the time after which it is tried again.
      world.reign = 2
      world.position = 5n
      yield* TestClock.adjust("600 millis")
      assert.deepInclude(table.state, { lag: 0n, standing: 0 })
      const { looks } = world
      yield* TestClock.adjust(followerDefaults.tableLookMs)
      assert.isAtMost(world.looks - looks, 2)
    })
  )
})

describe("a table with which another broker has begun anew", () => {
  it.effect("is looked up again, and goes on from there", () =>
    Effect.gen(function* () {
      const { ports, rows, world } = standing()
      world.position = 5n
      let stored: MaterialisedTable = { ...TABLE, topicId: undefined }
      const all = Effect.sync(() => [stored])
      const tables = new FollowedTables({ all, rowsOf: () => rows }, ports, yield* Effect.scope)
      yield* tables.look
      // The other one was first: nothing is cleared.
      stored = TABLE
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(tables.states, [{ table: TABLE.name, lag: 0n, standing: 0 }])
      assert.strictEqual(world.looks, 0)
      yield* tables.look
      yield* TestClock.adjust("1 millis")
      assert.isAtLeast(world.looks, 1)
    })
  )
})
