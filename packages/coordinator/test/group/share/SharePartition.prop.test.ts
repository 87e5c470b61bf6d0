import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { begin, canAcquire, nextToAcquire, step, persisted, restore } from "../../../src/group/share/SharePartition.ts"
import { partitionRow } from "../../../src/group/share/ShareRows.ts"
import { Event } from "../../../src/group/share/SharePartitionState.ts"
import type { Answer, SharePartitionState } from "../../../src/group/share/SharePartitionState.ts"

const LIMITS = { lockMs: 100, deliveryCountLimit: 3, maxRecordLocks: 20 }

const Member = Schema.Literals(["m1", "m2"])
const Step = Schema.Union([
  Schema.Struct({
    act: Schema.Literal("acquire"),
    member: Member,
    sizes: Schema.Array(Schema.Literals([1, 2, 5])).check(Schema.isMaxLength(3)),
    gap: Schema.Literals([0, 0, 2]),
    gapAt: Schema.Literals([0, 1]),
    max: Schema.Literals([1, 3, 100]),
    strict: Schema.Boolean,
    batchSize: Schema.Literals([0, 1, 4, 100])
  }),
  Schema.Struct({
    act: Schema.Literal("acknowledge"),
    member: Member,
    from: Schema.Literals([0, 1, 4]),
    types: Schema.NonEmptyArray(Schema.Literals([0, 1, 2, 3, 4])).check(Schema.isMaxLength(6)),
    stranger: Schema.Boolean
  }),
  Schema.Struct({ act: Schema.Literal("leave"), member: Member }),
  Schema.Struct({ act: Schema.Literal("wait"), ms: Schema.Literals([30, 100]) }),
  Schema.Struct({ act: Schema.Literal("logStart"), by: Schema.Literals([1, 5]) }),
  Schema.Struct({ act: Schema.Literal("restart") })
])

/** What has become of each offset, kept apart from the machine. */
interface Fate {
  holder: string | null
  lockUntil: number
  deliveries: number
  done: boolean
}

describe("a partition of a share group", () => {
  it.prop(
    "gives a record to one member at a time, at most so often, and never again once it is done with",
    [Schema.Array(Step).check(Schema.isMaxLength(60))],
    ([steps]) => {
      let state: SharePartitionState = begin(10n)
      let stored = partitionRow.encode(persisted(state))
      let now = 0
      let logStart = 0n
      const fates = new Map<bigint, Fate>()
      const send = (event: Event): Answer | undefined => {
        const [next, outputs] = step(state, event, now)
        let answer: Answer | undefined
        for (const output of outputs) {
          if (output._tag === "Persist") stored = partitionRow.encode(persisted(output.group))
          if (output._tag === "Reply") answer = output.answer
        }
        assert.isTrue(next.startOffset >= state.startOffset, "the start offset goes back")
        state = next
        return answer
      }
      const held = (member: string) =>
        Array.from(fates)
          .filter(([, fate]) => fate.holder === member)
          .map(([offset]) => offset)
          .sort((a, b) => (a < b ? -1 : 1))
      const release = (fate: Fate) => {
        fate.holder = null
        if (fate.deliveries >= LIMITS.deliveryCountLimit) fate.done = true
      }

      for (const each of steps) {
        switch (each.act) {
          case "acquire": {
            if (!canAcquire(state, LIMITS.maxRecordLocks)) break
            let at = nextToAcquire(state)
            if (at < logStart) at = logStart
            const from = at
            const batches = each.sizes.map((size, i) => {
              const first = i === each.gapAt ? at + BigInt(each.gap) : at
              at = first + BigInt(size)
              return { first, last: at - 1n }
            })
            const answer = send(
              Event.Acquire({
                waiter: 1,
                memberId: each.member,
                batches,
                maxRecords: each.max,
                strict: each.strict,
                batchSize: each.batchSize,
                from,
                logStartOffset: logStart,
                limits: LIMITS
              })
            )
            assert.strictEqual(answer?._tag, "Acquired")
            if (answer?._tag !== "Acquired") break
            let count = 0
            for (const range of answer.ranges) {
              for (let offset = range.first; offset <= range.last; offset++) {
                count++
                assert.isTrue(offset >= logStart, "below the log start")
                const fate = fates.get(offset) ?? { holder: null, lockUntil: 0, deliveries: 0, done: false }
                assert.isFalse(fate.done, `offset ${offset} is given out though it is done with`)
                assert.isNull(fate.holder, `offset ${offset} has two holders`)
                fate.deliveries++
                assert.strictEqual(range.deliveryCount, fate.deliveries)
                assert.isAtMost(fate.deliveries, LIMITS.deliveryCountLimit)
                fate.holder = each.member
                fate.lockUntil = now + LIMITS.lockMs
                fates.set(offset, fate)
              }
            }
            const { ranges } = answer
            const lastBatch = batches.findLast(({ first, last }) =>
              ranges.some((range) => range.first <= last && range.last >= first)
            )
            if (each.strict) assert.isAtMost(count, each.max)
            else if (lastBatch !== undefined) {
              let before = 0
              for (const { first, last } of ranges) {
                for (let offset = first; offset <= last; offset++) if (offset < lastBatch.first) before++
              }
              assert.isTrue(before < each.max, "a batch more than it takes")
            }
            ranges.forEach(({ deliveryCount, first }, i) => {
              // What comes for the last time comes alone.
              if (deliveryCount === LIMITS.deliveryCountLimit) assert.strictEqual(count, 1)
              const before = ranges[i - 1]
              if (before === undefined || before.last + 1n < first || before.deliveryCount !== deliveryCount) return
              assert.isFalse(each.strict, "two ranges where one would do")
              assert.isTrue(before.last - before.first + 1n >= BigInt(each.batchSize), "a range that is too small")
            })
            break
          }
          case "acknowledge": {
            const mine = held(each.member)
            const first = mine[each.from] ?? 10n
            const last = first + BigInt(each.types.length) - 1n
            const memberId = each.stranger ? "stranger" : each.member
            const before = state
            const answer = send(
              Event.Acknowledge({
                waiter: 1,
                memberId,
                batches: [{ first, last, types: each.types }],
                limits: LIMITS
              })
            )
            const offsets = each.types.map((_, i) => first + BigInt(i))
            const alive = offsets.filter((offset) => offset >= before.startOffset)
            const allowed =
              alive.every((offset) => fates.get(offset)?.holder === memberId) &&
              (alive.length === 0 || last < before.nextOffset)
            assert.strictEqual(answer?._tag, allowed ? "Done" : "Refused")
            if (!allowed) {
              assert.strictEqual(state, before)
              break
            }
            offsets.forEach((offset, i) => {
              const fate = fates.get(offset)
              if (fate === undefined || offset < before.startOffset) return
              const type = each.types[i]
              if (type === 4) fate.lockUntil = now + LIMITS.lockMs
              else if (type === 2) release(fate)
              else {
                fate.holder = null
                fate.done = true
              }
            })
            break
          }
          case "leave":
            send(Event.ReleaseMember({ waiter: 1, memberId: each.member, limits: LIMITS }))
            for (const fate of fates.values()) if (fate.holder === each.member) release(fate)
            break
          case "wait":
            now += each.ms
            assert.isTrue(
              state.wakeAtMs <=
                Math.min(
                  ...Array.from(fates.values(), (fate) => (fate.holder === null ? Infinity : fate.lockUntil)),
                  Infinity
                )
            )
            send(Event.Tick())
            for (const fate of fates.values()) if (fate.holder !== null && fate.lockUntil <= now) release(fate)
            break
          case "logStart":
            logStart = state.startOffset + BigInt(each.by)
            break
          case "restart": {
            state = restore(Result.getOrThrow(partitionRow.decode(stored)), LIMITS.deliveryCountLimit)
            // What was not stored is given out again, and counted from what was.
            for (const [offset, fate] of fates) {
              if (fate.holder !== null) fate.holder = null
              const range = state.ranges.find(({ first, last }) => first <= offset && offset <= last)
              if (range !== undefined && !fate.done) fate.deliveries = range.deliveryCount
              if (fate.deliveries >= LIMITS.deliveryCountLimit) fate.done = true
              if (offset >= state.nextOffset) fates.delete(offset)
            }
            break
          }
        }
        // All offsets from start to end once, in order.
        let at = state.startOffset
        for (const range of state.ranges) {
          assert.strictEqual(range.first, at)
          assert.isTrue(range.last >= range.first)
          at = range.last + 1n
        }
        assert.strictEqual(at, state.nextOffset)
        assert.notInclude(["Acknowledged", "Archived"], state.ranges[0]?.state)
      }
    },
    { arbitrary: { runs: 3000, size: 60 }, timeout: 60_000 }
  )

  const acquireOf =
    (rest: Partial<Parameters<typeof Event.Acquire>[0]>) =>
    (state: SharePartitionState, ...batches: ReadonlyArray<readonly [bigint, bigint]>) => {
      const [next, outputs] = step(
        state,
        Event.Acquire({
          waiter: 1,
          memberId: "m1",
          batches: batches.map(([first, last]) => ({ first, last })),
          maxRecords: 100,
          strict: false,
          batchSize: 100,
          from: nextToAcquire(state),
          logStartOffset: 0n,
          limits: LIMITS,
          ...rest
        }),
        0
      )
      const reply = outputs.find((output) => output._tag === "Reply")?.answer
      const told = reply?._tag === "Acquired" ? reply.ranges : []
      return [next, told.map(({ deliveryCount, first, last }) => `${first}-${last} x${deliveryCount}`).join()] as const
    }
  const release = (state: SharePartitionState, limits = LIMITS) =>
    step(state, Event.ReleaseMember({ waiter: 1, memberId: "m1", limits }), 0)[0]

  it("passes over what compaction took after it was given back", () => {
    const acquire = acquireOf({})
    const [held] = acquire(begin(0n), [0n, 9n])
    const free = release(held)
    assert.strictEqual(nextToAcquire(free), 0n)
    const [after] = acquire(free, [5n, 9n])
    assert.strictEqual(after.startOffset, 5n)
    assert.deepStrictEqual(
      after.ranges.map(({ first, last, state }) => [first, last, state]),
      [[5n, 9n, "Acquired"]]
    )
  })

  it("tells batches side by side as one range, of the size asked for", () => {
    const batches = [
      [0n, 1n],
      [2n, 3n],
      [4n, 5n],
      [8n, 9n]
    ] as const
    for (const [batchSize, strict, told] of [
      [500, false, "0-5 x1,8-9 x1"],
      [3, false, "0-3 x1,4-5 x1,8-9 x1"],
      [2, false, "0-1 x1,2-3 x1,4-5 x1,8-9 x1"],
      [0, false, "0-1 x1,2-3 x1,4-5 x1,8-9 x1"],
      [2, true, "0-5 x1,8-9 x1"]
    ] as const) {
      const [state, ranges] = acquireOf({ batchSize, strict })(begin(0n), ...batches)
      assert.strictEqual(ranges, told)
      // However it was told, it is kept in as few pieces as there are differences.
      assert.strictEqual(state.ranges.length, 3)
    }
  })

  it("gives no more records than may be locked, and takes in what came back even then", () => {
    const limits = { ...LIMITS, maxRecordLocks: 10 }
    const strictly = acquireOf({ strict: true, limits })
    const [held, first] = strictly(begin(0n), [0n, 7n])
    const [full, second] = strictly(held, [8n, 15n])
    assert.deepStrictEqual([first, second], ["0-7 x1", "8-9 x1"])
    assert.isFalse(canAcquire(full, 10))
    assert.strictEqual(strictly(full, [8n, 15n])[1], "")
    assert.strictEqual(strictly(release(full, limits), [0n, 7n], [8n, 15n])[1], "0-9 x2")
    // Whole batches: the one that passes the limit is the last.
    assert.strictEqual(acquireOf({ limits })(held, [8n, 15n], [16n, 23n])[1], "8-15 x1")
  })

  it("what came back again and again goes out in smaller and smaller company, and the last time alone", () => {
    const limits = { ...LIMITS, deliveryCountLimit: 5 }
    const acquire = acquireOf({ limits })
    const read = [
      [0n, 7n],
      [8n, 15n]
    ] as const
    let state = begin(0n)
    for (const told of ["0-15 x1", "0-15 x2", "0-15 x3"]) {
      const [held, ranges] = acquire(state, ...read)
      assert.strictEqual(ranges, told)
      state = release(held, limits)
    }
    const company: Array<string> = []
    for (let i = 0; i < 4; i++) {
      const [next, ranges] = acquire(state, ...read)
      state = next
      company.push(ranges)
    }
    assert.deepStrictEqual(company, ["0-3 x4", "4-7 x4", "8-11 x4", "12-15 x4"])
    state = release(state, limits)
    for (let offset = 0; offset < 16; offset++) {
      const [next, ranges] = acquire(state, ...read, [16n, 17n])
      assert.strictEqual(ranges, `${offset}-${offset} x5`)
      state = next
    }
    assert.strictEqual(acquire(state, [16n, 17n])[1], "16-17 x1")
    const after = release(state, limits)
    assert.strictEqual(after.startOffset, 16n)
  })
})
