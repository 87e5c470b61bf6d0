import { assert, describe, it } from "@effect/vitest"
import { makeTopicPatterns } from "@tusk/coordinator/group/consumer/TopicPatterns"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"

/** Topics of these names; `asked` counts how often all of them were looked at. */
const over = (names: Array<string>) => {
  let asked = 0
  let version = 1
  const topic = (name: string) => ({ topicId: `id-${name}`, name, partitionIds: [1, 2] })
  const topics = Topics.of({
    byName: (name) => (names.includes(name) ? topic(name) : undefined),
    byId: (topicId) => names.map(topic).find((one) => one.topicId === topicId),
    assumed: () => undefined,
    creating: () => {
      throw new Error("not here")
    },
    ofPartition: () => undefined,
    all: () => {
      asked++
      return names.map(topic)
    },
    version: () => version,
    until: () => Effect.never,
    tooMany: () => undefined,
    create: () => Effect.die("not here"),
    addPartitions: () => Effect.die("not here"),
    remove: () => Effect.die("not here"),
    onDeleted: () => {},
    orphans: () => [],
    orphanGone: () => {}
  })
  const add = (name: string): void => {
    names.push(name)
    version++
  }
  return { patterns: makeTopicPatterns(topics), add, asked: () => asked }
}

describe("TopicPatterns", () => {
  it("a name matches as a whole", () => {
    const { patterns } = over(["ab", "abc", "xab", "b"])
    assert.deepStrictEqual(patterns.view().matching("ab|b"), ["ab", "b"])
    assert.deepStrictEqual(patterns.view().matching(".*ab.*"), ["ab", "abc", "xab"])
    assert.deepStrictEqual(patterns.view().byName("ab"), { topicId: "id-ab", partitions: 2 })
    assert.strictEqual(patterns.view().partitionCount("id-b"), 2)
    assert.strictEqual(patterns.view().partitionCount("id-none"), 0)
  })

  it("leaves out topics that the one who asks may not know of", () => {
    const { asked, patterns } = over(["ab", "abc", "b"])
    assert.deepStrictEqual(patterns.view((name) => name !== "abc").matching("ab.*"), ["ab"])
    assert.deepStrictEqual(patterns.view(() => false).matching("ab.*"), [])
    assert.deepStrictEqual(patterns.view().matching("ab.*"), ["ab", "abc"])
    assert.strictEqual(asked(), 1, "and has no name matched anew for it")
  })

  it("is asked once a change of topics, however many ask", () => {
    const { add, asked, patterns } = over(["a1"])
    for (let i = 0; i < 10; i++) assert.deepStrictEqual(patterns.view().matching("a."), ["a1"])
    assert.strictEqual(asked(), 1)
    add("a2")
    for (let i = 0; i < 10; i++) assert.deepStrictEqual(patterns.view().matching("a."), ["a1", "a2"])
    assert.strictEqual(asked(), 2)
  })

  it("what is not RE2's is refused with a reason: look-around, back references, repeats without end", () => {
    const { patterns } = over([])
    assert.isNull(patterns.invalid("(?i)orders\\.[a-z]+(_v\\d)?"))
    for (const regex of ["(", "[", "a(?=b)", "(?<!a)b", "(a)\\1", "a{1001}", "x".repeat(4097)]) {
      assert.strictEqual(patterns.invalid(regex)?._tag, "InvalidRegularExpression", regex.slice(0, 20))
    }
  })

  it("takes no exponential time", () => {
    const { patterns } = over(["a".repeat(249)])
    // a backtracking engine is not done with this one while the sun shines
    assert.deepStrictEqual(patterns.view().matching("(a*)*(a*)*(a|aa)+b"), [])
  })

  it("keeps no more expressions than its bound", () => {
    const { asked, patterns } = over(["a"])
    patterns.view().matching("a|first")
    for (let i = 0; i < 1000; i++) patterns.view().matching(`a|${i}`)
    assert.strictEqual(asked(), 1001)
    patterns.view().matching("a|999")
    assert.strictEqual(asked(), 1001)
    patterns.view().matching("a|first")
    assert.strictEqual(asked(), 1002)
  })
})
