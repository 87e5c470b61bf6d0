import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import { makeFetchSessions, openFetch, served } from "../../src/fetch/FetchSession.ts"
import type { FetchContext, FetchSessions } from "../../src/fetch/FetchSession.ts"

interface Asked {
  readonly id?: number
  readonly epoch: number
  /** Partitions of topic "t", and the offsets to fetch from. */
  readonly fetch?: ReadonlyArray<readonly [partition: number, from: bigint]>
  readonly forget?: ReadonlyArray<number>
  readonly nowMs?: number
  readonly byId?: boolean
}

const MINUTES = 60_000
const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ"

const requestOf = ({ byId = false, epoch, fetch = [], forget = [], id = 0 }: Asked): FetchRequest => {
  const topic = byId ? { topic: "", topicId: TOPIC_ID } : { topic: "t", topicId: ZERO_UUID }
  const partitions = fetch.map(([partition, fetchOffset]) => ({
    partition,
    currentLeaderEpoch: -1,
    fetchOffset,
    lastFetchedEpoch: -1,
    logStartOffset: -1n,
    partitionMaxBytes: 1000,
    replicaDirectoryId: ZERO_UUID,
    highWatermark: -1n
  }))
  return {
    ...Fetch.request.defaults(),
    sessionId: id,
    sessionEpoch: epoch,
    topics: partitions.length === 0 ? [] : [{ ...topic, partitions }],
    forgottenTopicsData: forget.length === 0 ? [] : [{ ...topic, partitions: forget }]
  }
}

const sessions = (maxSessions = 10, maxPartitions = 10) => {
  const cache = makeFetchSessions(maxSessions, maxPartitions)
  const ids = [100, 200, 300, 400, 500]
  return { cache, open: (asked: Asked) => open(cache, asked, () => ids.shift()!) }
}

const open = (cache: FetchSessions, asked: Asked, newId: () => number) =>
  openFetch(cache, requestOf(asked), asked.byId ?? false, asked.nowMs ?? 0, newId)

const opened = (result: ReturnType<typeof openFetch>): FetchContext => {
  if ("_tag" in result) throw new Error(result._tag)
  return result
}
const tag = (result: ReturnType<typeof openFetch>): string => ("_tag" in result ? result._tag : "opened")
const places = ({ partitions }: FetchContext) => partitions.map(({ from, partition }) => [partition, from])

describe("a session", () => {
  it("begins with a full fetch, and goes on with what its requests change", () => {
    const { open } = sessions()
    const first = opened(
      open({
        epoch: 0,
        fetch: [
          [0, 0n],
          [1, 10n]
        ]
      })
    )
    assert.deepStrictEqual([first.sessionId, first.incremental], [100, false])
    const same = opened(open({ id: 100, epoch: 1 }))
    assert.deepStrictEqual([same.sessionId, same.incremental], [100, true])
    assert.deepStrictEqual(places(same), [
      [0, 0n],
      [1, 10n]
    ])
    const changed = opened(
      open({
        id: 100,
        epoch: 2,
        fetch: [
          [1, 20n],
          [2, 5n]
        ],
        forget: [0]
      })
    )
    assert.deepStrictEqual(places(changed), [
      [1, 20n],
      [2, 5n]
    ])
    assert.deepStrictEqual(places(opened(open({ id: 100, epoch: 3 }))), places(changed))
  })

  it("forgets a partition before it is asked for anew", () => {
    const { open } = sessions()
    const [before] = opened(open({ epoch: 0, fetch: [[0, 0n]] })).partitions
    before!.sent = { highWatermark: 1n, logStartOffset: 0n, lastStableOffset: 1n }
    const kept = opened(open({ id: 100, epoch: 1, fetch: [[0, 1n]] })).partitions[0]!
    assert.isDefined(kept.sent)
    const anew = opened(open({ id: 100, epoch: 2, fetch: [[0, 1n]], forget: [0] })).partitions[0]!
    assert.isUndefined(anew.sent)
  })

  it("serves last what it has just served", () => {
    const { open } = sessions()
    const first = opened(
      open({
        epoch: 0,
        fetch: [
          [0, 0n],
          [1, 0n],
          [2, 0n]
        ]
      })
    )
    served(first, first.partitions[0]!)
    const second = opened(open({ id: 100, epoch: 1 }))
    assert.deepStrictEqual(
      second.partitions.map(({ partition }) => partition),
      [1, 2, 0]
    )
    // One that was forgotten meanwhile does not come back.
    opened(open({ id: 100, epoch: 2, forget: [1] }))
    served(second, second.partitions[0]!)
    assert.deepStrictEqual(
      opened(open({ id: 100, epoch: 3 })).partitions.map(({ partition }) => partition),
      [2, 0]
    )
  })

  it("by another epoch than the next is refused, and goes on; the epoch after the last is 1", () => {
    const { cache, open } = sessions()
    opened(open({ epoch: 0, fetch: [[0, 0n]] }))
    assert.strictEqual(tag(open({ id: 100, epoch: 2 })), "InvalidFetchSessionEpoch")
    opened(open({ id: 100, epoch: 1 }))
    assert.strictEqual(tag(open({ id: 100, epoch: 1 })), "InvalidFetchSessionEpoch")
    cache.sessions.get(100)!.epoch = 0x7fffffff
    opened(open({ id: 100, epoch: 0x7fffffff }))
    opened(open({ id: 100, epoch: 1 }))
  })

  it("that is unknown is refused, and one by names that began by ids", () => {
    const { open } = sessions()
    assert.strictEqual(tag(open({ id: 7, epoch: 1 })), "FetchSessionIdNotFound")
    opened(open({ epoch: 0, fetch: [[0, 0n]], byId: true }))
    assert.strictEqual(tag(open({ id: 100, epoch: 1 })), "FetchSessionTopicIdError")
    opened(open({ id: 100, epoch: 1, byId: true }))
  })

  it("ends with epoch -1, or for another with epoch 0", () => {
    const { cache, open } = sessions()
    opened(open({ epoch: 0, fetch: [[0, 0n]] }))
    const next = opened(open({ id: 100, epoch: 0, fetch: [[0, 0n]] }))
    assert.deepStrictEqual([next.sessionId, Array.from(cache.sessions.keys())], [200, [200]])
    const last = opened(open({ id: 200, epoch: -1, fetch: [[0, 3n]] }))
    assert.deepStrictEqual([last.sessionId, last.incremental, cache.sessions.size], [0, false, 0])
    assert.deepStrictEqual(places(last), [[0, 3n]])
  })
})

describe("room", () => {
  it("is made by the session used least lately, once that has been idle for two minutes", () => {
    const { cache, open } = sessions(2)
    opened(open({ epoch: 0, fetch: [[0, 0n]] }))
    opened(open({ epoch: 0, fetch: [[0, 0n]], nowMs: 1 }))
    opened(open({ id: 100, epoch: 1, nowMs: MINUTES }))
    const begin = (nowMs: number) => opened(open({ epoch: 0, fetch: [[0, 0n]], nowMs })).sessionId
    assert.strictEqual(begin(2 * MINUTES), 0)
    assert.strictEqual(begin(2 * MINUTES + 1), 300)
    assert.deepStrictEqual(Array.from(cache.sessions.keys()), [100, 300])
    assert.strictEqual(begin(3 * MINUTES - 1), 0)
    assert.strictEqual(tag(open({ id: 200, epoch: 1 })), "FetchSessionIdNotFound")
  })

  it("is not taken by a fetch of nothing, nor of too much; a session that grows too large ends", () => {
    const { cache, open } = sessions(10, 2)
    assert.strictEqual(opened(open({ epoch: 0 })).sessionId, 0)
    const three = [0, 1, 2].map((partition) => [partition, 0n] as const)
    const full = opened(open({ epoch: 0, fetch: three }))
    assert.deepStrictEqual([full.sessionId, full.partitions.length], [0, 3])
    assert.strictEqual(opened(open({ epoch: 0, fetch: three.slice(1) })).sessionId, 100)
    assert.strictEqual(tag(open({ id: 100, epoch: 1, fetch: three })), "FetchSessionIdNotFound")
    assert.strictEqual(cache.sessions.size, 0)
  })

  it("an id that is taken is not given again", () => {
    const { cache } = sessions()
    const ids = [5, 5, 6]
    const begin = () => opened(open(cache, { epoch: 0, fetch: [[0, 0n]] }, () => ids.shift()!)).sessionId
    assert.deepStrictEqual([begin(), begin()], [5, 6])
  })
})
