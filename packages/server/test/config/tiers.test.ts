import { assert, describe, it } from "@effect/vitest"
import { defaultSettings } from "../../src/config/Settings.ts"
import { checkTopicConfigs } from "../../src/config/TopicConfigs.ts"
import type { TopicConfigName } from "../../src/config/TopicConfigDefinitions.ts"

type Configs = { readonly [Name in TopicConfigName]?: string }

const NOTHING = new Map<string, string>()
const checked = (configs: Configs, former: Configs = {}, hasObjectStore = true, cluster: Configs | object = {}) => {
  const wrong = checkTopicConfigs(new Map(Object.entries(configs)), new Map(Object.entries(former)), {
    settings: defaultSettings,
    brokers: { broker: NOTHING, cluster: new Map(Object.entries(cluster)) },
    hasObjectStore
  })
  return wrong === undefined ? "fine" : `${wrong._tag}: ${wrong.message}`
}
const TIERED: Configs = { "remote.storage.enable": "true" }

describe("what a topic's configs say of its tiers", () => {
  const fine: ReadonlyArray<Configs> = [
    TIERED,
    { "remote.storage.enable": " TRUE ", "local.retention.ms": "0", "local.retention.bytes": "0" },
    { ...TIERED, "cleanup.policy": "" },
    { ...TIERED, "local.retention.ms": "604800000" },
    { ...TIERED, "local.retention.ms": "-1", "retention.ms": "-1" },
    { ...TIERED, "local.retention.bytes": "-1" },
    { ...TIERED, "local.retention.bytes": "5", "retention.bytes": "5" },
    { ...TIERED, "remote.log.copy.disable": "true" },
    { ...TIERED, "remote.log.copy.disable": "true", "local.retention.ms": "9", "retention.ms": "9" },
    // Of a topic without tiers nothing is checked.
    { "local.retention.ms": "-1", "retention.ms": "5" },
    { "remote.log.copy.disable": "true", "local.retention.bytes": "5" }
  ]
  for (const configs of fine) {
    it(`takes ${JSON.stringify(configs)}`, () => assert.strictEqual(checked(configs), "fine"))
  }

  const refused: ReadonlyArray<readonly [Configs, string]> = [
    [{ ...TIERED, "cleanup.policy": "compact" }, "only supports topics with cleanup.policy=delete"],
    [{ ...TIERED, "cleanup.policy": "delete,compact" }, "only supports topics with cleanup.policy=delete"],
    [
      { ...TIERED, "retention.ms": "5", "local.retention.ms": "-1" },
      "InvalidConfig: Invalid value -1 for configuration local.retention.ms: Value must not be -1 as retention.ms value is set as 5."
    ],
    [
      { ...TIERED, "local.retention.ms": "604800001" },
      "InvalidConfig: Invalid value 604800001 for configuration local.retention.ms: Value must not be more than retention.ms property value: 604800000"
    ],
    [{ ...TIERED, "retention.bytes": "5", "local.retention.bytes": "6" }, "not be more than retention.bytes"],
    [{ ...TIERED, "retention.bytes": "5", "local.retention.bytes": "-1" }, "not be -1 as retention.bytes"],
    [{ ...TIERED, "local.retention.ms": "-3" }, "Invalid value -3"],
    [{ ...TIERED, "remote.log.copy.disable": "true", "local.retention.ms": "5" }, "`local.retention.ms`"],
    [{ ...TIERED, "remote.log.copy.disable": "true", "local.retention.bytes": "5" }, "`local.retention.bytes`"]
  ]
  for (const [configs, message] of refused) {
    it(`refuses ${JSON.stringify(configs)}`, () => assert.include(checked(configs), message))
  }

  it("goes by what brokers give to topics", () => {
    const given = { "log.local.retention.ms": "7" }
    assert.include(checked({ ...TIERED, "retention.ms": "6" }, {}, true, given), "not be more than retention.ms")
    assert.strictEqual(checked({ ...TIERED, "retention.ms": "7" }, {}, true, given), "fine")
    assert.include(checked(TIERED, {}, true, { "log.cleanup.policy": "compact" }), "cleanup.policy=delete")
  })

  it("needs an object store", () => {
    assert.include(checked(TIERED, {}, false), "Tiered Storage functionality is disabled in the broker")
    assert.strictEqual(checked({ "remote.storage.enable": "false" }, {}, false), "fine")
  })

  it("lets a topic give up its second tier only if what is there is to be deleted", () => {
    assert.include(checked({}, TIERED), "It is invalid to disable remote storage without deleting remote data")
    assert.include(checked({ "remote.storage.enable": "false" }, TIERED), "It is invalid to disable remote storage")
    assert.strictEqual(checked({ "remote.log.delete.on.disable": "true" }, TIERED), "fine")
    assert.strictEqual(checked({ "remote.log.delete.on.disable": "true" }, TIERED, false), "fine")
    assert.strictEqual(checked(TIERED, TIERED), "fine")
  })
})
