import { assert, describe, it } from "@effect/vitest"
import { InvalidConfig, RequestTimedOut } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Active } from "../../src/commit/Active.ts"
import { Committer, CommitterOptions } from "../../src/commit/Committer.ts"
import { join, writing } from "../../src/commit/Participant.ts"
import type { Participant } from "../../src/commit/Participant.ts"
import type { Write } from "../../src/port/Write.ts"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "../../src/port/StoreError.ts"
import { makeSignal } from "../../src/Signal.ts"
import { FaultyStore } from "../FaultyStore.ts"

const config = (name: string): Write => ({
  _tag: "PutConfig",
  resourceType: 4,
  resourceName: "",
  name,
  value: "1"
})
const nameOf = (write: Write) => (write._tag === "PutConfig" ? write.name : write._tag)
const names = (store: FaultyStore) => store.commits.map((units) => units.flat().map(nameOf))

const layerOf = (store: FaultyStore, maxCommitBytes: number) =>
  Committer.layer.pipe(
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.succeed(CommitterOptions, {
        maxCommitBytes,
        maxQueuedBytes: 1000,
        besideBytes: 1,
        requestTimeoutMs: 30_000,
        slowMs: 0
      })
    )
  )

/** Runs a test against a Committer over this store; `close` ends it as a clean stop does. */
const withCommitter = <A, E>(
  store: FaultyStore,
  test: (committer: Committer["Service"], close: Effect.Effect<void>, active: Active["Service"]) => Effect.Effect<A, E>,
  maxCommitBytes = 1 << 20
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerOf(store, maxCommitBytes), scope)
    const close = Scope.close(scope, Exit.void)
    return yield* Effect.ensuring(test(Context.get(context, Committer), close, Context.get(context, Active)), close)
  })

const begin = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(Effect.result(effect), { startImmediately: true })
const write = (committer: Committer["Service"], name: string) => begin(committer.write([config(name)]))
const codeOf = <A>(result: Result.Result<A, { readonly _tag: string }>) =>
  Result.isSuccess(result) ? "stored" : result.failure._tag

/** A store; its commits wait until the gate is opened. */
const gated = () => {
  const store = new FaultyStore()
  const gate = Latch.makeUnsafe(false)
  store.hold = gate.await
  return { store, gate }
}

/** A decision on a counter, as a service keeps one: what is assumed, what is stored, and every call it got. */
const counting = (name: string, state: { assumed: number; stored: number }, calls: Array<string>) => {
  const participant = (verdict: "Stored" | "Told" | InvalidConfig | Error = "Stored"): Participant<number> => {
    let mine = false
    return {
      bytes: 1,
      assemble: (writes) => {
        calls.push(`${name} assembles on ${state.assumed}`)
        if (verdict instanceof Error && !("_tag" in verdict)) throw verdict
        if (typeof verdict !== "string") return verdict as InvalidConfig
        mine = true
        state.assumed++
        if (verdict === "Stored") writes.push(config(name))
        return verdict
      },
      retract: () => {
        calls.push(`${name} retracts`)
        if (mine) state.assumed--
        mine = false
      },
      settle: (error) => {
        calls.push(`${name} ${error?._tag ?? "stored"}`)
        if (error === undefined) state.stored++
      },
      answer: () => state.stored
    }
  }
  return participant
}

describe("the Committer", () => {
  it.effect("has one commit in flight, and puts all that waited into the next, in order of arrival", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const first = yield* write(committer, "a")
        yield* Effect.yieldNow
        const rest = yield* Effect.forEach(["b", "c", "d"], (name) => write(committer, name))
        assert.strictEqual(store.commits.length, 1)
        yield* gate.open
        for (const fiber of [first, ...rest]) assert.isTrue(Result.isSuccess(yield* Fiber.join(fiber)))
        assert.deepStrictEqual(names(store), [["a"], ["b", "c", "d"]])
        assert.strictEqual(store.mostInFlight, 1)
      })
    )
  })

  it.effect("cuts a commit at the bytes that its units really have, and leaves the rest in its place", () => {
    const { gate, store } = gated()
    const large = (name: string): Participant<void> => ({
      ...writing([{ ...config(name), value: "x".repeat(500) } as Write]),
      // It is not known before it is assembled.
      bytes: 1
    })
    return withCommitter(
      store,
      (committer) =>
        Effect.gen(function* () {
          const first = yield* begin(committer.submit(large("a")))
          yield* Effect.yieldNow
          const rest = yield* Effect.forEach(["b", "c", "d", "e", "f"], (name) => begin(committer.submit(large(name))))
          yield* gate.open
          for (const fiber of [first, ...rest]) yield* Fiber.join(fiber)
          assert.deepStrictEqual(names(store), [["a"], ["b", "c"], ["d", "e"], ["f"]])
        }),
      1200
    )
  })

  it.effect("takes one unit that is larger than a commit", () => {
    const store = new FaultyStore()
    return withCommitter(
      store,
      (committer) =>
        Effect.gen(function* () {
          const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => write(committer, name))
          for (const fiber of fibers) yield* Fiber.join(fiber)
          assert.deepStrictEqual(names(store), [["a"], ["b"], ["c"]])
        }),
      1
    )
  })

  it.effect("tells a decision's outcome before the next decision is made", () => {
    const store = new FaultyStore()
    const calls: Array<string> = []
    const state = { assumed: 0, stored: 0 }
    return withCommitter(
      store,
      (committer) =>
        Effect.gen(function* () {
          const decide = (name: string) => committer.submit(counting(name, state, calls)())
          yield* Effect.all([decide("a"), decide("b")], { concurrency: "unbounded" })
          assert.deepStrictEqual(calls, ["a assembles on 0", "a stored", "b assembles on 1", "b stored"])
        }),
      1
    )
  })

  it.effect("stores what was admitted before it stops, and refuses what comes later", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer, close) =>
      Effect.gen(function* () {
        const a = yield* write(committer, "a")
        yield* Effect.yieldNow
        const b = yield* write(committer, "b")
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        const late = yield* Effect.result(committer.write([config("c")]))
        yield* gate.open
        yield* Fiber.join(closing)
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(b), late].map(Result.isSuccess), [
          true,
          true,
          false
        ])
        assert.deepStrictEqual(names(store), [["a"], ["b"]])
      })
    )
  })

  it.effect("leaves no caller in its hands waiting when it stops and the store is away", () => {
    const { store } = gated()
    return withCommitter(store, (committer, close) =>
      Effect.gen(function* () {
        const a = yield* write(committer, "a")
        yield* Effect.yieldNow
        const b = yield* write(committer, "b")
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
        // The outcome of the one that was sent is not known.
        assert.deepStrictEqual(
          [codeOf(yield* Fiber.join(a)), codeOf(yield* Fiber.join(b))],
          ["RequestTimedOut", "NotLeaderOrFollower"]
        )
      })
    )
  })

  it.effect("makes connections wait while too many bytes wait for a commit", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        yield* write(committer, "a")
        yield* Effect.yieldNow
        yield* begin(committer.submit({ ...writing([config("l")]), bytes: 2000 }))
        const waiting = yield* Effect.forkChild(committer.room(), { startImmediately: true })
        assert.isUndefined(waiting.pollUnsafe())
        yield* gate.open
        yield* Fiber.join(waiting)
      })
    )
  })

  it.effect("counts what is for objects apart: it takes no room from the rest", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const isPut = makeSignal()
        let isThere = false
        const prepare = isPut.until(() => isThere)
        const unit = { ...writing([config("l")]), bytes: 2000, objectBytes: 2000, prepare }
        const stored = yield* begin(committer.submit(unit))
        assert.deepStrictEqual([committer.hasRoom(), committer.hasRoom(true)], [true, false])
        const waiting = yield* Effect.forkChild(committer.room(true), { startImmediately: true })
        yield* gate.open
        yield* write(committer, "a")
        assert.isUndefined(waiting.pollUnsafe())
        isThere = true
        isPut.notify()
        yield* Fiber.join(waiting)
        yield* Fiber.join(stored)
        assert.deepStrictEqual(committer.waiting(), { units: 0, bytes: 0 })
      })
    )
  })

  it.effect(
    "answers a caller that waited long enough that it is not known; the unit is stored all the same, and told once",
    () => {
      const { gate, store } = gated()
      const calls: Array<string> = []
      return withCommitter(store, (committer) =>
        Effect.gen(function* () {
          const participant = counting("a", { assumed: 0, stored: 0 }, calls)()
          const a = yield* begin(committer.submit(participant, 2000))
          yield* Effect.yieldNow
          const b = yield* begin(committer.submit(writing([config("b")])))
          yield* TestClock.adjust("1900 millis")
          assert.isUndefined(a.pollUnsafe())
          yield* TestClock.adjust("600 millis")
          const late = yield* Fiber.join(a)
          assert.isTrue(Result.isFailure(late) && late.failure instanceof RequestTimedOut)
          assert.isUndefined(b.pollUnsafe())
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(codeOf(yield* Fiber.join(b)), "RequestTimedOut")
          yield* gate.open
          yield* committer.write([config("c")])
          assert.deepStrictEqual(calls, ["a assembles on 0", "a stored"])
          assert.deepStrictEqual(names(store)[0], ["a"])
        })
      )
    }
  )
})

describe("a commit that fails", () => {
  it.effect("fails the unit that the store refuses; the others are decided anew, and stored", () => {
    const { gate, store } = gated()
    const state = { assumed: 0, stored: 0 }
    const calls: Array<string> = []
    // What holds "bad" is refused, whatever else it holds.
    store.refuse = (units) => units.flat().some((one) => nameOf(one) === "bad")
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        yield* write(committer, "first")
        yield* Effect.yieldNow
        const fibers = yield* Effect.forEach(["a", "bad", "c"], (name) =>
          begin(committer.submit(counting(name, state, calls)()))
        )
        yield* gate.open
        const results = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(results.map(codeOf), ["stored", "UnknownServerError", "stored"])
        assert.deepStrictEqual(names(store), [["first"], ["a", "bad", "c"], ["a"], ["bad"], ["c"]])
        assert.deepStrictEqual(calls, [
          "a assembles on 0",
          "bad assembles on 1",
          "c assembles on 2",
          "c retracts",
          "bad retracts",
          "a retracts",
          "a assembles on 0",
          "a stored",
          "bad assembles on 1",
          "bad retracts",
          "bad StoreRefused",
          "c assembles on 1",
          "c stored"
        ])
        assert.deepStrictEqual(state, { assumed: 2, stored: 2 })
      })
    )
  })

  /** A commit of three is refused for one of them, and the next one, of the first alone, does not return. */
  const hangingAlone = (committer: Committer["Service"], store: FaultyStore, gate: Latch.Latch) =>
    Effect.gen(function* () {
      store.refuse = (units) => units.flat().some((one) => nameOf(one) === "bad")
      yield* write(committer, "first")
      yield* Effect.yieldNow
      const fibers = yield* Effect.forEach(["a", "b", "bad"], (name) =>
        begin(committer.submit(writing([config(name)]), 2000))
      )
      yield* gate.open
      const stuck = Latch.makeUnsafe(false)
      store.hold = Effect.suspend(() => (store.commits.length === 3 ? stuck.await : Effect.void))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(names(store), [["first"], ["a", "b", "bad"], ["a"]])
      return { fibers, stuck }
    })

  it.effect("keeps no caller waiting beyond its time for a commit of its own", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const { fibers, stuck } = yield* hangingAlone(committer, store, gate)
        yield* TestClock.adjust("2 seconds")
        for (const fiber of fibers) assert.strictEqual(codeOf(yield* Fiber.join(fiber)), "RequestTimedOut")
        yield* stuck.open
        yield* committer.write([config("c")])
        assert.deepStrictEqual(names(store).slice(2), [["a"], ["b"], ["bad"], ["c"]], "all go on the same")
      })
    )
  })

  it.effect("leaves no caller waiting for a commit of its own when it stops", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer, close) =>
      Effect.gen(function* () {
        const { fibers } = yield* hangingAlone(committer, store, gate)
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
        for (const fiber of fibers) assert.notStrictEqual(codeOf(yield* Fiber.join(fiber)), "stored")
      })
    )
  })

  it.effect("is not tried unit by unit for long if the store can do nothing at all", () => {
    const { gate, store } = gated()
    store.faults.push(undefined, ...Array.from({ length: 3 }, () => unavailable))
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        yield* write(committer, "first")
        yield* Effect.yieldNow
        const fibers = yield* Effect.forEach(["a", "b", "c", "d", "e"], (name) => write(committer, name))
        yield* gate.open
        const results = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(new Set(results.map(codeOf)), new Set(["KafkaStorageError"]))
        assert.deepStrictEqual(names(store), [["first"], ["a", "b", "c", "d", "e"], ["a"], ["b"]])
        assert.isTrue(Result.isSuccess(yield* Effect.result(committer.write([config("f")]))))
      })
    )
  })

  for (const stored of [true, false]) {
    it.effect(`is looked up under the lock before any caller is answered: ${stored ? "stored" : "not stored"}`, () => {
      const { gate, store } = gated()
      store.faults.push({ stored, error: new OutcomeUnknown({ message: "cut" }) })
      const acquiring = Latch.makeUnsafe(false)
      const calls: Array<string> = []
      return withCommitter(store, (committer, _close, active) =>
        Effect.gen(function* () {
          const epoch = store.data.epoch
          const state = { assumed: 0, stored: 0 }
          const a = yield* begin(committer.submit(counting("a", state, calls)()))
          yield* Effect.yieldNow
          const queued = yield* write(committer, "queued")
          store.beforeAcquire = acquiring.await
          yield* gate.open
          yield* TestClock.adjust("1 second")
          assert.isUndefined(a.pollUnsafe(), "nothing is answered on a guess")
          assert.isFalse(active.isServing())
          yield* acquiring.open
          assert.strictEqual(codeOf(yield* Fiber.join(a)), stored ? "stored" : "NotLeaderOrFollower")
          // Decided in no commit: it is not stored, and never will be.
          assert.strictEqual(codeOf(yield* Fiber.join(queued)), "NotLeaderOrFollower")
          assert.strictEqual(store.data.epoch, epoch + 1)
          assert.deepStrictEqual(
            calls.slice(1),
            stored ? ["a stored"] : ["a retracts", "a Fenced"],
            "told once, after the take-over"
          )
          yield* committer.write([config("b")])
        })
      )
    })
  }

  for (const [found, told] of [
    [true, "stored"],
    [false, "NotLeaderOrFollower"],
    [undefined, "RequestTimedOut"]
  ] as const) {
    it.effect(`and returns behind a take-over all the same is what that has found: ${found}`, () => {
      const { gate, store } = gated()
      const calls: Array<string> = []
      return withCommitter(store, (committer, _close, active) =>
        Effect.gen(function* () {
          const a = yield* begin(committer.submit(counting("a", { assumed: 0, stored: 0 }, calls)()))
          yield* Effect.yieldNow
          // Another server is the cluster's now: it may have the commit or not.
          store.unknownCommitStored = found
          yield* active.failed(new Fenced({ message: "gone" }), active.reign()!)
          yield* gate.open
          assert.strictEqual(codeOf(yield* Fiber.join(a)), told)
          assert.deepStrictEqual(calls.slice(1), found === true ? ["a stored"] : ["a retracts", calls[2]])
          yield* committer.write([config("b")])
        })
      )
    })
  }

  it.effect("and is refused behind a take-over is no unit's fault if it is of several", () => {
    const { gate, store } = gated()
    store.refuse = (units) => units.flat().some((one) => nameOf(one) === "bad")
    return withCommitter(store, (committer, _close, active) =>
      Effect.gen(function* () {
        for (const [names, told] of [
          [["a", "bad"], "NotLeaderOrFollower"],
          [["bad"], "UnknownServerError"]
        ] as const) {
          yield* gate.close
          const first = yield* write(committer, "first")
          yield* Effect.yieldNow
          const fibers = yield* Effect.forEach(names, (name) => write(committer, name))
          yield* gate.open
          yield* gate.close
          assert.strictEqual(codeOf(yield* Fiber.join(first)), "stored")
          yield* Effect.yieldNow
          assert.deepStrictEqual(store.commits.at(-1)!.flat().map(nameOf), [...names])
          yield* active.failed(new Fenced({ message: "gone" }), active.reign()!)
          yield* gate.open
          for (const fiber of fibers) assert.strictEqual(codeOf(yield* Fiber.join(fiber)), told)
        }
      })
    )
  })

  it.effect("of a session that is gone has stored nothing: its units are told so", () => {
    const store = new FaultyStore()
    store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
    return withCommitter(store, (committer, _close, active) =>
      Effect.gen(function* () {
        assert.strictEqual(codeOf(yield* Effect.result(committer.write([config("a")]))), "NotLeaderOrFollower")
        yield* active.whenServing
        yield* committer.write([config("b")])
      })
    )
  })
})

describe("one unit of several decisions", () => {
  const verdicts = [
    ["refused", () => new InvalidConfig({ message: "no" }), "InvalidConfig"],
    ["broken by a defect", () => new Error("a bug"), "UnknownServerError"]
  ] as const

  for (const [what, verdict, code] of verdicts) {
    for (const failing of [0, 1, 2]) {
      it.effect(
        `stores nothing if decision ${failing + 1} of 3 is ${what}, and takes back what the others assumed`,
        () => {
          const { gate, store } = gated()
          const calls: Array<string> = []
          const state = { assumed: 0, stored: 0 }
          return withCommitter(store, (committer) =>
            Effect.gen(function* () {
              yield* write(committer, "first")
              yield* Effect.yieldNow
              const before = yield* begin(committer.submit(counting("before", state, calls)()))
              const [a, b, c] = ["a", "b", "c"].map((name, i) =>
                counting(name, state, calls)(i === failing ? verdict() : "Stored")
              )
              const joined = yield* begin(committer.submit(join(a!, b!, c!)))
              const after = yield* begin(committer.submit(counting("after", state, calls)()))
              yield* gate.open
              const results = yield* Effect.forEach([before, joined, after], (fiber) =>
                Fiber.join(fiber as Fiber.Fiber<Result.Result<unknown, { readonly _tag: string }>>)
              )
              assert.deepStrictEqual(results.map(codeOf), ["stored", code, "stored"])
              assert.deepStrictEqual(names(store), [["first"], ["before", "after"]])
              assert.deepStrictEqual(state, { assumed: 2, stored: 2 })
              assert.isTrue(calls.includes("after assembles on 1"), "what was assumed for the unit is gone")
            })
          )
        }
      )
    }
  }

  it.effect("is one commit with an answer of each", () => {
    const store = new FaultyStore()
    const calls: Array<string> = []
    const [one, other] = [
      { assumed: 0, stored: 10 },
      { assumed: 0, stored: 20 }
    ]
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const answers = yield* committer.submit(
          join(counting("a", one!, calls)(), writing([config("b")]), counting("c", other!, calls)())
        )
        assert.deepStrictEqual(answers, [11, undefined, 21])
        assert.deepStrictEqual(
          store.commits.map((units) => units.length),
          [1]
        )
        assert.deepStrictEqual(names(store), [["a", "b", "c"]])
      })
    )
  })

  it.effect("waits for all that its decisions need", () => {
    const store = new FaultyStore()
    const [first, second] = [Latch.makeUnsafe(false), Latch.makeUnsafe(false)]
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const needing = (name: string, latch: Latch.Latch) => ({ ...writing([config(name)]), prepare: latch.await })
        const joined = yield* begin(
          committer.submit(join(needing("a", first), needing("b", second), writing([config("c")])))
        )
        yield* first.open
        yield* Effect.yieldNow
        assert.deepStrictEqual(names(store), [])
        yield* second.open
        yield* Fiber.join(joined)
        assert.deepStrictEqual(names(store), [["a", "b", "c"]])
      })
    )
  })
})

describe("a decision that has to read first", () => {
  const needing = (
    name: string,
    partitionIds: ReadonlyArray<number>,
    prepare?: Effect.Effect<void, StoreUnavailable>
  ) => ({
    ...writing([config(name)]),
    partitionIds,
    prepare
  })

  it.effect("holds up only units that come behind it in the same partition", () => {
    const store = new FaultyStore()
    const latch = Latch.makeUnsafe(false)
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const slow = yield* begin(committer.submit(needing("slow", [1, 2], latch.await)))
        const behind = yield* begin(committer.submit(needing("behind", [2, 3])))
        const third = yield* begin(committer.submit(needing("third", [3])))
        yield* Fiber.join(yield* begin(committer.submit(needing("other", [4]))))
        assert.deepStrictEqual(names(store), [["other"]])
        assert.isUndefined(third.pollUnsafe(), "in the order of its partition")
        yield* latch.open
        for (const fiber of [slow, behind, third]) assert.strictEqual(codeOf(yield* Fiber.join(fiber)), "stored")
        assert.deepStrictEqual(names(store), [["other"], ["slow", "behind", "third"]])
      })
    )
  })

  it.effect("fails alone if it cannot read, also by a defect", () => {
    const { gate, store } = gated()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        yield* write(committer, "first")
        yield* Effect.yieldNow
        const failing = Effect.fail(new StoreUnavailable({ message: "a read failed" }))
        const a = yield* begin(committer.submit(needing("a", [1], failing)))
        const b = yield* begin(committer.submit(needing("b", [1], Effect.die("a bug"))))
        const c = yield* begin(committer.submit(needing("c", [1])))
        yield* gate.open
        const results = yield* Effect.forEach([a, b, c], Fiber.join)
        assert.deepStrictEqual(results.map(codeOf), ["KafkaStorageError", "UnknownServerError", "stored"])
        assert.deepStrictEqual(names(store), [["first"], ["c"]])
      })
    )
  })

  it.effect("is given up by a take-over, however silent what it reads from is", () => {
    const store = new FaultyStore()
    store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const silent = yield* begin(committer.submit(needing("silent", [1], Effect.never)))
        yield* write(committer, "lost")
        assert.strictEqual(codeOf(yield* Fiber.join(silent)), "NotLeaderOrFollower")
      })
    )
  })
})

const unavailable = { stored: false, error: new StoreUnavailable({ message: "disk full" }) }
