import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { applyIncremental } from "../../src/config/AlterOps.ts"
import { allTopicConfigs } from "../../src/config/TopicConfigDefinitions.ts"
import {
  DEFAULT_SOURCE,
  DYNAMIC_BROKER_SOURCE,
  STATIC_BROKER_SOURCE,
  TOPIC_SOURCE
} from "../../src/config/ConfigValues.ts"
import {
  topicConfig,
  topicConfigDefinition,
  topicConfigValues,
  validateTopicConfig
} from "../../src/config/TopicConfigs.ts"
import { defaultSettings, parseSettings } from "../../src/config/Settings.ts"

const NOTHING = new Map<string, string>()
const nobody = { broker: NOTHING, cluster: NOTHING }
const settingsWith = (name: string, value: string) =>
  Result.getOrThrow(parseSettings([{ name, value, origin: "test" }])).settings

describe("topic configs", () => {
  it("have defaults that are themselves valid", () => {
    for (const { defaultValue, name } of allTopicConfigs) {
      assert.isUndefined(validateTopicConfig(name, defaultValue), name)
    }
  })

  const refused: ReadonlyArray<readonly [string, string]> = [
    ["no.such.config", "1"],
    ["retention.ms", "-2"],
    ["retention.ms", "soon"],
    ["cleanup.policy", "delete,shrink"],
    ["compression.type", "brotli"],
    ["compression.gzip.level", "0"],
    ["max.message.bytes", "2147483648"],
    ["min.cleanable.dirty.ratio", "1.5"],
    ["preallocate", "maybe"],
    ["leader.replication.throttled.replicas", "abc"],
    ["message.timestamp.type", "createtime"]
  ]
  for (const [name, value] of refused) {
    it(`refuses ${name}=${value}`, () => {
      assert.strictEqual(validateTopicConfig(name, value)?._tag, "InvalidConfig")
    })
  }

  it("take the first value there is: topic, broker while it runs, broker at start, default", () => {
    const definition = topicConfigDefinition("retention.ms")!
    const settings = settingsWith("log.retention.hours", "2")
    const brokers = { broker: new Map([["log.retention.ms", "7"]]), cluster: NOTHING }
    const values = topicConfigValues(definition, new Map([["retention.ms", "5"]]), settings, brokers)
    assert.deepStrictEqual(
      values.map(({ source, value }) => [source, value]),
      [
        [TOPIC_SOURCE, "5"],
        [DYNAMIC_BROKER_SOURCE, "7"],
        [STATIC_BROKER_SOURCE, "7200000"],
        [DEFAULT_SOURCE, "604800000"]
      ]
    )
  })

  it("come out as what the broker goes by", () => {
    const overrides = new Map([
      ["cleanup.policy", "compact, delete"],
      ["message.timestamp.type", "LogAppendTime"]
    ])
    const config = topicConfig(overrides, settingsWith("message.max.bytes", "1000"), nobody)
    assert.deepStrictEqual(
      [config.compacted, config.messageTimestampType, config.maxMessageBytes],
      [true, "LogAppendTime", 1000]
    )
    assert.strictEqual(topicConfig(NOTHING, defaultSettings, nobody).compacted, false)
  })
})

describe("incremental changes", () => {
  const context = {
    definition: topicConfigDefinition,
    unknown: (name: string) => validateTopicConfig(name, "")!,
    current: (name: string) => topicConfigDefinition(name)?.defaultValue ?? null
  }
  const SET = 0
  const DELETE = 1
  const APPEND = 2
  const SUBTRACT = 3
  const after = (...operations: ReadonlyArray<readonly [string, number, string | null]>) => {
    const result = applyIncremental(
      new Map([["retention.ms", "5"]]),
      operations.map(([name, configOperation, value]) => ({ name, configOperation, value })),
      context
    )
    return "_tag" in result ? result._tag : Object.fromEntries(result)
  }

  it("set, delete, append and subtract", () => {
    assert.deepStrictEqual(after(["retention.bytes", SET, "9"]), { "retention.ms": "5", "retention.bytes": "9" })
    assert.deepStrictEqual(after(["retention.ms", DELETE, null]), {})
    assert.deepStrictEqual(after(["cleanup.policy", APPEND, "compact"]), {
      "retention.ms": "5",
      "cleanup.policy": "delete,compact"
    })
    assert.deepStrictEqual(after(["cleanup.policy", SUBTRACT, "delete"]), { "retention.ms": "5", "cleanup.policy": "" })
  })

  it("refuses what Kafka refuses", () => {
    assert.strictEqual(after(["retention.ms", APPEND, "1"]), "InvalidConfig")
    assert.strictEqual(after(["no.such.config", SET, "1"]), "InvalidConfig")
    assert.strictEqual(after(["retention.ms", SET, null]), "InvalidRequest")
    assert.strictEqual(after(["retention.ms", 9, "1"]), "InvalidRequest")
    assert.strictEqual(after(["retention.ms", SET, "1"], ["retention.ms", DELETE, null]), "InvalidRequest")
  })
})
