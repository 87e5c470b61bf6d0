/** A regular expression stands for topics that the member whose request looks them up may describe. */
import { assert, describe, it } from "@effect/vitest"
import type { TopicsView } from "../../../src/group/consumer/Subscription.ts"
import { flat, Play, terms } from "./Play.ts"

const REGEX = { subscribedTopicNames: [], subscribedTopicRegex: "t." }

/** As one sees topics who may not describe some of them. */
const without = (view: TopicsView, ...hidden: ReadonlyArray<string>): TopicsView => ({
  ...view,
  matching: (regex) => view.matching(regex).filter((name) => !hidden.includes(name))
})

const started = () => {
  const play = new Play()
  play.sizes = new Map([
    ["t1", 1],
    ["t2", 1]
  ])
  const beat = (memberId: string, epoch: number, change: object = {}) => {
    const answer = play.beat(memberId, epoch, change)
    if (typeof answer === "string") throw new Error(answer)
    return answer
  }
  return { play, beat }
}

describe("a regular expression, by the rights of who asks", () => {
  it("is looked up by the first member that has it, and again by whoever speaks once topics have changed", () => {
    const { beat, play } = started()
    const first = beat("a", 0, { ...REGEX, topics: without(play.topics(), "t2") })
    assert.deepStrictEqual(flat(first.assignment), ["t1-0"])
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1"])
    const same = beat("a", first.memberEpoch)
    assert.deepStrictEqual([same.memberEpoch, same.assignment], [first.memberEpoch, null], "one may know more by now")
    play.sizes.set("t3", 1)
    play.version++
    const more = beat("a", first.memberEpoch, { topics: without(play.topics(), "t3") })
    assert.deepStrictEqual(flat(more.assignment), ["t1-0", "t2-0"])
    assert.strictEqual(more.memberEpoch, first.memberEpoch + 1)
  })

  it("is looked up again when that is too long ago: by then rights may be others", () => {
    const { beat, play } = started()
    let { memberEpoch } = beat("a", 0, REGEX)
    const topics = without(play.topics(), "t1")
    for (; play.now < terms.regexRefreshIntervalMs - 1000; play.now += 1000) {
      const answer = beat("a", memberEpoch, { topics })
      assert.deepStrictEqual([answer.memberEpoch, answer.assignment], [memberEpoch, null])
    }
    play.now += 1000
    const { writes } = play
    const less = beat("a", memberEpoch, { topics })
    assert.deepStrictEqual(flat(less.assignment), ["t2-0"])
    ;({ memberEpoch } = less)
    assert.isAbove(play.writes, writes)
    play.now += terms.regexRefreshIntervalMs - 1
    assert.strictEqual(beat("a", memberEpoch).assignment, null)
  })

  it("stands for the same topics for all members; a new one beside it is looked up alone", () => {
    const { beat, play } = started()
    const first = beat("a", 0, REGEX)
    assert.deepStrictEqual(flat(first.assignment), ["t1-0", "t2-0"])
    const topics = without(play.topics(), "t1")
    beat("b", 0, { subscribedTopicNames: [], subscribedTopicRegex: ".*1|.*2", topics })
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1", "t2"])
    assert.deepStrictEqual(play.state.resolved.get(".*1|.*2"), ["t2"])
    beat("c", 0, { ...REGEX, topics })
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1", "t2"])
    beat("b", -1)
    beat("c", -1)
    beat("a", first.memberEpoch, { topics })
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1", "t2"], "members that go change nothing of it")
  })

  it("a heartbeat of a member in the classic protocol looks it up by that member's rights", () => {
    const { beat, play } = started()
    beat("a", 0, REGEX)
    const { generationId } = play.join("b", { subscribedTopicNames: ["t1"], topics: without(play.topics(), "t2") })
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1", "t2"])
    play.version++
    const topics = without(play.topics(), "t2")
    play.topics = () => topics
    play.classicBeat("b", generationId)
    assert.deepStrictEqual(play.state.resolved.get("t."), ["t1"])
  })
})
