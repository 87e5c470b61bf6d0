import { assert, describe, it } from "@effect/vitest"
import { configureTopology } from "../../../src/group/streams/ConfiguredTopology.ts"
import type { ConfiguredTopology } from "../../../src/group/streams/ConfiguredTopology.ts"
import { invalidTopology, readerOf, sameTopology, topologyFrom } from "@tusk/coordinator/group/streams/Topology"
import type { InternalTopicInfo, Subtopology, Topology } from "@tusk/coordinator/group/streams/Topology"

const info = (name: string, partitions = 0): InternalTopicInfo => ({
  name,
  partitions,
  replicationFactor: 0,
  topicConfigs: [{ key: "cleanup.policy", value: "compact" }]
})
const part = (subtopologyId: string, told: Partial<Subtopology>): Subtopology => ({
  subtopologyId,
  sourceTopics: [],
  stateChangelogTopics: [],
  repartitionSinkTopics: [],
  repartitionSourceTopics: [],
  copartitionGroups: [],
  ...told
})
const topology = (...subtopologies: ReadonlyArray<Subtopology>): Topology => topologyFrom({ epoch: 1, subtopologies })

const configure = (told: Topology, topics: Record<string, number>): ConfiguredTopology => {
  const configured = configureTopology(told, (topic) => topics[topic])
  assert.isFalse("_tag" in configured, "_tag" in configured ? configured.message : "")
  return configured as ConfiguredTopology
}
const refusal = (told: Topology, topics: Record<string, number>): string => {
  const wrong = configureTopology(told, (topic) => topics[topic])
  return "_tag" in wrong ? wrong._tag : "no refusal"
}

/** Words are read, written by key, and counted. */
const wordCount = topology(
  part("0", { sourceTopics: ["lines"], repartitionSinkTopics: ["app-repartition"] }),
  part("1", { repartitionSourceTopics: [info("app-repartition")], stateChangelogTopics: [info("app-changelog")] })
)

describe("configureTopology", () => {
  it("gives internal topics as many partitions as what they come from", () => {
    const { missing, problem, subtopologies } = configure(wordCount, { lines: 3 })
    assert.deepStrictEqual(missing, [info("app-repartition", 3), info("app-changelog", 3)])
    assert.deepStrictEqual(problem, {
      name: "MISSING_INTERNAL_TOPICS",
      detail: "Internal topics are missing: app-changelog, app-repartition"
    })
    assert.deepStrictEqual(
      Array.from(subtopologies!, ([id, { tasks }]) => [id, tasks]),
      [
        ["0", 3],
        ["1", 3]
      ]
    )
  })

  it("is ready when all topics are there", () => {
    const { missing, problem } = configure(wordCount, { lines: 3, "app-repartition": 3, "app-changelog": 3 })
    assert.lengthOf(missing, 0)
    assert.isNull(problem)
  })

  it("names source topics that are missing, the first three", () => {
    const five = topology(part("0", { sourceTopics: ["e", "d", "c", "b", "a"] }))
    assert.deepStrictEqual(configure(five, { e: 1 }), {
      subtopologies: null,
      missing: [],
      problem: { name: "MISSING_SOURCE_TOPICS", detail: "Source topics a, b, c and 1 additional topics are missing." }
    })
  })

  it("finds internal topics of another number of partitions", () => {
    const found = configure(wordCount, { lines: 3, "app-repartition": 3, "app-changelog": 2 })
    assert.isNull(found.subtopologies)
    assert.strictEqual(found.problem?.name, "INCORRECTLY_PARTITIONED_TOPICS")
    assert.include(found.problem?.detail, "expected 3, found 2")
  })

  it("follows chains of repartition topics, in whatever order they are told", () => {
    const chain = topology(
      part("0", { repartitionSourceTopics: [info("r2")], stateChangelogTopics: [info("c")] }),
      part("1", { repartitionSourceTopics: [info("r1")], repartitionSinkTopics: ["r2"] }),
      part("2", { sourceTopics: ["a", "b"], repartitionSinkTopics: ["r1"] })
    )
    const { missing } = configure(chain, { a: 2, b: 5 })
    assert.sameDeepMembers(missing.slice(), [info("r1", 5), info("r2", 5), info("c", 5)])
  })

  it("takes the number wished for", () => {
    const { missing, subtopologies } = configure(
      topology(
        part("0", { sourceTopics: ["a"], repartitionSinkTopics: ["r"] }),
        part("1", { repartitionSourceTopics: [info("r", 7)], stateChangelogTopics: [info("c")] })
      ),
      { a: 2 }
    )
    assert.sameDeepMembers(missing.slice(), [info("r", 7), info("c", 7)])
    assert.strictEqual(subtopologies!.get("1")!.tasks, 7)
  })

  it("brings repartition topics to the number of those they are joined with", () => {
    const join = topology(
      part("0", { sourceTopics: ["a"], repartitionSinkTopics: ["r"] }),
      part("1", {
        sourceTopics: ["b"],
        repartitionSourceTopics: [info("r")],
        copartitionGroups: [{ sourceTopics: [0], repartitionSourceTopics: [0] }]
      })
    )
    assert.deepStrictEqual(configure(join, { a: 2, b: 6 }).missing, [info("r", 6)])
  })

  it("among repartition topics alone the widest wins, or the one that wishes", () => {
    const join = (left: number, right: number) =>
      topology(
        part("0", { sourceTopics: ["a"], repartitionSinkTopics: ["r"] }),
        part("1", { sourceTopics: ["b"], repartitionSinkTopics: ["s"] }),
        part("2", {
          repartitionSourceTopics: [info("r", left), info("s", right)],
          copartitionGroups: [{ sourceTopics: [], repartitionSourceTopics: [0, 1] }]
        })
      )
    const counts = (told: Topology) => configure(told, { a: 2, b: 6 }).missing.map(({ partitions }) => partitions)
    assert.deepStrictEqual(counts(join(0, 0)), [6, 6])
    assert.deepStrictEqual(counts(join(3, 0)), [3, 3])
    assert.strictEqual(configure(join(3, 4), { a: 2, b: 6 }).problem?.name, "INCORRECTLY_PARTITIONED_TOPICS")
  })

  it("refuses to join topics of different numbers of partitions", () => {
    const join = (wish: number) =>
      topology(
        part("0", { sourceTopics: ["a"], repartitionSinkTopics: ["r"] }),
        part("1", {
          sourceTopics: ["b", "c"],
          repartitionSourceTopics: [info("r", wish)],
          copartitionGroups: [{ sourceTopics: [0, 1], repartitionSourceTopics: [0] }]
        })
      )
    assert.deepStrictEqual(configure(join(0), { a: 1, b: 2, c: 3 }).problem, {
      name: "INCORRECTLY_PARTITIONED_TOPICS",
      detail: "Following topics do not have the same number of partitions: [{b=2, c=3}]"
    })
    assert.include(configure(join(5), { a: 1, b: 2, c: 2 }).problem?.detail, "repartition topic [r]")
    assert.strictEqual(configure(join(2), { a: 1, b: 2, c: 2 }).problem?.name, "MISSING_INTERNAL_TOPICS")
  })

  it("refuses what no topics could make right", () => {
    const circle = topology(
      part("0", { repartitionSourceTopics: [info("r")], repartitionSinkTopics: ["s"] }),
      part("1", { repartitionSourceTopics: [info("s")], repartitionSinkTopics: ["r"] })
    )
    assert.strictEqual(refusal(circle, {}), "StreamsInvalidTopology")
    const orphan = topology(part("0", { repartitionSourceTopics: [info("r")] }))
    assert.strictEqual(refusal(orphan, {}), "StreamsInvalidTopology")
    assert.strictEqual(refusal(topology(part("0", {})), {}), "StreamsInvalidTopology")
  })
})

describe("Topology", () => {
  it("is the same in whatever order its parts are told", () => {
    const turned = topologyFrom({ epoch: 1, subtopologies: wordCount.subtopologies.toReversed() })
    assert.isTrue(sameTopology(turned, wordCount))
    assert.isFalse(sameTopology({ ...turned, epoch: 2 }, wordCount))
    assert.strictEqual(readerOf(wordCount, "app-repartition")?.subtopologyId, "1")
    assert.isUndefined(readerOf(wordCount, "app-changelog"))
  })

  it("finds what is wrong with it by itself", () => {
    assert.isNull(invalidTopology(wordCount))
    const wrong = [
      topology(part("0", { sourceTopics: ["a"] }), part("0", { sourceTopics: ["b"] })),
      topology(part("0", { sourceTopics: ["a"], stateChangelogTopics: [info("c", 1)] })),
      topology(part("0", { sourceTopics: ["a"], repartitionSourceTopics: [info("r", -1)] })),
      topology(
        part("0", { sourceTopics: ["a"], copartitionGroups: [{ sourceTopics: [1], repartitionSourceTopics: [] }] })
      )
    ]
    for (const told of wrong) assert.strictEqual(invalidTopology(told)?._tag, "StreamsInvalidTopology")
  })
})
