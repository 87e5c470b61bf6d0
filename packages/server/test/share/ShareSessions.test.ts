import { assert, describe, it } from "@effect/vitest"
import { FINAL_EPOCH, INITIAL_EPOCH, makeShareSessions, served } from "../../src/share/ShareSessions.ts"
import type { SharedPartition, ShareSession, ShareSessionRequest } from "../../src/share/ShareSessions.ts"

const part = (partition: number): SharedPartition => ({ topicId: "id-t", partition })
const request = (memberId: string, epoch: number, rest: Partial<ShareSessionRequest> = {}): ShareSessionRequest => ({
  groupId: "g",
  memberId,
  epoch,
  added: [],
  forgotten: [],
  maxSessions: 2,
  ...rest
})
const opened = (found: ReturnType<ReturnType<typeof makeShareSessions>["use"]>): ShareSession => {
  if ("_tag" in found) throw found
  return found
}
const tagOf = (found: object) => ("_tag" in found ? found._tag : "a session")
const partitionsOf = (session: ShareSession) => Array.from(session.partitions.values(), ({ partition }) => partition)

describe("ShareSessions", () => {
  it("a request names only what changes; a partition that was served goes behind the others", () => {
    const sessions = makeShareSessions()
    const first = opened(sessions.use(request("a", INITIAL_EPOCH, { added: [part(0), part(1)] }), 0))
    served(first, part(0))
    assert.deepStrictEqual(partitionsOf(first), [1, 0])
    const next = opened(sessions.use(request("a", 1, { added: [part(2)], forgotten: [part(1)] }), 0))
    assert.strictEqual(next, first)
    assert.deepStrictEqual(partitionsOf(next), [0, 2])
    served(next, part(1))
    assert.deepStrictEqual(partitionsOf(next), [0, 2], "what was forgotten does not come back")
  })

  it("goes by epochs, a group and a member; the last one always fits, and after 2^31 - 1 comes 1", () => {
    const sessions = makeShareSessions()
    assert.strictEqual(tagOf(sessions.use(request("a", 1), 0)), "ShareSessionNotFound")
    const session = opened(sessions.use(request("a", INITIAL_EPOCH), 0))
    assert.strictEqual(tagOf(sessions.use(request("a", 2), 0)), "InvalidShareSessionEpoch")
    assert.strictEqual(tagOf(sessions.use(request("a", 1, { groupId: "other" }), 0)), "ShareSessionNotFound")
    assert.strictEqual(sessions.use(request("a", 1), 0), session)
    assert.strictEqual(sessions.use(request("a", FINAL_EPOCH), 0), session)
    session.epoch = 0x7fff_ffff
    opened(sessions.use(request("a", 0x7fff_ffff), 0))
    assert.strictEqual(session.epoch, 1)
  })

  it("has so many and no more, but for those not used for two minutes", () => {
    const sessions = makeShareSessions()
    const old = opened(sessions.use(request("a", INITIAL_EPOCH), 0))
    opened(sessions.use(request("b", INITIAL_EPOCH), 100_000))
    const ended: Array<string> = []
    old.ended = () => void ended.push("a")
    assert.strictEqual(tagOf(sessions.use(request("c", INITIAL_EPOCH), 120_000)), "ShareSessionLimitReached")
    opened(sessions.use(request("b", INITIAL_EPOCH), 120_000))
    assert.deepStrictEqual([sessions.count(), ended], [2, []])
    opened(sessions.use(request("c", INITIAL_EPOCH), 120_001))
    assert.deepStrictEqual([sessions.count(), ended], [2, ["a"]])
    assert.strictEqual(tagOf(sessions.use(request("a", 1), 120_001)), "ShareSessionNotFound")
  })

  it("ends once: one that began anew is not ended by what came before", () => {
    const sessions = makeShareSessions()
    const before = opened(sessions.use(request("a", INITIAL_EPOCH), 0))
    let ends = 0
    before.ended = () => void ends++
    const session = opened(sessions.use(request("a", INITIAL_EPOCH), 0))
    assert.deepStrictEqual([ends, sessions.close(before), sessions.count()], [1, false, 1])
    assert.deepStrictEqual([sessions.close(session), sessions.close(session), sessions.count()], [true, false, 0])
    assert.strictEqual(ends, 1)
  })
})
