import { assert, describe, it } from "@effect/vitest"
import { defaultGroupResourceConfig } from "@tusk/coordinator/group/machine/GroupConfigs"
import * as Result from "effect/Result"
import { allGroupConfigs } from "../../src/config/GroupConfigDefinitions.ts"
import { groupConfig, validateGroupConfigs } from "../../src/config/GroupConfigs.ts"
import { isoDurationMs } from "../../src/config/IsoDuration.ts"
import { defaultSettings, parseSettings } from "../../src/config/Settings.ts"

const nobody = { broker: new Map<string, string>(), cluster: new Map<string, string>() }
const parse = (settings: Readonly<Record<string, string>>) =>
  parseSettings(Object.entries(settings).map(([name, value]) => ({ name, value, origin: "test" })))
const settingsWith = (settings: Readonly<Record<string, string>>) => Result.getOrThrow(parse(settings)).settings
const wrong = (settings: Readonly<Record<string, string>>) => {
  const parsed = parse(settings)
  return Result.isFailure(parsed) ? parsed.failure.message : undefined
}
const validate = (configs: Readonly<Record<string, string>>, settings = defaultSettings) =>
  validateGroupConfigs(new Map(Object.entries(configs)), settings, nobody)?.message
const effective = (configs: Readonly<Record<string, string>>, settings = defaultSettings) =>
  groupConfig(new Map(Object.entries(configs)), settings, nobody)

describe("group configs", () => {
  it("are those of Apache Kafka 4.3.1, with its defaults", () => {
    assert.deepStrictEqual(
      allGroupConfigs.map(({ defaultValue, name, type }) => [name, type, defaultValue]),
      [
        ["consumer.assignment.interval.ms", "INT", "1000"],
        ["consumer.heartbeat.interval.ms", "INT", "5000"],
        ["consumer.session.timeout.ms", "INT", "45000"],
        ["share.assignment.interval.ms", "INT", "1000"],
        ["share.auto.offset.reset", "STRING", "latest"],
        ["share.delivery.count.limit", "INT", "5"],
        ["share.heartbeat.interval.ms", "INT", "5000"],
        ["share.isolation.level", "STRING", "read_uncommitted"],
        ["share.partition.max.record.locks", "INT", "2000"],
        ["share.record.lock.duration.ms", "INT", "30000"],
        ["share.renew.acknowledge.enable", "BOOLEAN", "true"],
        ["share.session.timeout.ms", "INT", "45000"],
        ["streams.assignment.interval.ms", "INT", "1000"],
        ["streams.heartbeat.interval.ms", "INT", "5000"],
        ["streams.initial.rebalance.delay.ms", "INT", "3000"],
        ["streams.num.standby.replicas", "INT", "0"],
        ["streams.session.timeout.ms", "INT", "45000"]
      ]
    )
    assert.deepStrictEqual(effective({}), defaultGroupResourceConfig)
  })

  const refused: ReadonlyArray<readonly [name: string, value: string, why: RegExp]> = [
    ["no.such.config", "1", /^Unknown group config name: no\.such\.config$/],
    ["consumer.session.timeout.ms", "0", /at least 1$/],
    ["consumer.session.timeout.ms", "44999", /equal to group\.consumer\.min\.session\.timeout\.ms$/],
    ["consumer.session.timeout.ms", "60001", /less than or equal to group\.consumer\.max\.session\.timeout\.ms$/],
    ["consumer.heartbeat.interval.ms", "4999", /equal to group\.consumer\.min\.heartbeat\.interval\.ms$/],
    ["share.record.lock.duration.ms", "14999", /equal to group\.share\.min\.record\.lock\.duration\.ms$/],
    ["share.delivery.count.limit", "11", /equal to group\.share\.max\.delivery\.count\.limit$/],
    ["share.partition.max.record.locks", "4001", /equal to group\.share\.max\.partition\.max\.record\.locks$/],
    ["share.auto.offset.reset", "by_duration:1h", /by_duration/],
    ["share.auto.offset.reset", "by_duration:P", /by_duration/],
    ["share.auto.offset.reset", "none", /by_duration/],
    ["share.isolation.level", "dirty", /read_committed, read_uncommitted$/],
    ["streams.num.standby.replicas", "3", /less than or equal to group\.streams\.max\.standby\.replicas$/],
    ["streams.session.timeout.ms", "soon", /Not a number/]
  ]
  for (const [name, value, why] of refused) {
    it(`refuses ${name}=${value}`, () => assert.match(validate({ [name]: value }) ?? "", why))
  }

  it("refuses a session no longer than what lies between heartbeats", () => {
    const settings = settingsWith({
      "group.share.min.session.timeout.ms": "1000",
      "group.share.max.heartbeat.interval.ms": "20000"
    })
    const message = validate({ "share.session.timeout.ms": "6000", "share.heartbeat.interval.ms": "6000" }, settings)
    assert.strictEqual(message, "share.session.timeout.ms must be greater than share.heartbeat.interval.ms")
    assert.isUndefined(
      validate({ "share.session.timeout.ms": "6001", "share.heartbeat.interval.ms": "6000" }, settings)
    )
  })

  it("take the group's value, then a broker's set while it runs, then its setting", () => {
    const settings = settingsWith({ "group.consumer.assignment.interval.ms": "2000" })
    const own = new Map([["consumer.assignment.interval.ms", "4000"]])
    const running = { ...nobody, cluster: new Map([["group.consumer.assignment.interval.ms", "3000"]]) }
    assert.strictEqual(groupConfig(own, settings, running).consumerAssignmentIntervalMs, 4000)
    assert.strictEqual(groupConfig(new Map(), settings, running).consumerAssignmentIntervalMs, 3000)
    assert.strictEqual(groupConfig(new Map(), settings, nobody).consumerAssignmentIntervalMs, 2000)
  })

  it("are held within bounds that were drawn closer after they were set", () => {
    const settings = settingsWith({ "group.consumer.max.session.timeout.ms": "50000" })
    assert.strictEqual(effective({ "consumer.session.timeout.ms": "60000" }, settings).consumerSessionTimeoutMs, 50_000)
    assert.strictEqual(effective({ "consumer.session.timeout.ms": "1" }, settings).consumerSessionTimeoutMs, 45_000)
  })

  it("read share.auto.offset.reset", () => {
    const reset = (value: string) => {
      assert.isUndefined(validate({ "share.auto.offset.reset": value }))
      return effective({ "share.auto.offset.reset": value }).shareAutoOffsetReset
    }
    assert.strictEqual(reset("earliest"), "earliest")
    assert.deepStrictEqual(reset("by_duration:P1DT2H3M4.5S"), { byDurationMs: 93_784_500 })
    assert.deepStrictEqual(reset("by_duration:PT0.0015S"), { byDurationMs: 1 })
    assert.isUndefined(isoDurationMs("P1DT"))
  })
})

describe("the broker's settings for groups", () => {
  const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp | undefined]> = [
    [{ "group.consumer.session.timeout.ms": "60000" }, undefined],
    [{ "group.consumer.session.timeout.ms": "60001" }, /equal to group\.consumer\.max\.session\.timeout\.ms$/],
    [
      { "group.consumer.min.session.timeout.ms": "10", "group.consumer.max.session.timeout.ms": "9" },
      /^group\.consumer\.max\.session\.timeout\.ms must be greater/
    ],
    [{ "group.share.delivery.count.limit": "12" }, /no more than 10/],
    [
      { "group.streams.min.session.timeout.ms": "1", "group.streams.session.timeout.ms": "5000" },
      /^group\.streams\.session\.timeout\.ms must be greater than group\.streams\.heartbeat\.interval\.ms$/
    ],
    [{ "group.coordinator.rebalance.protocols": "consumer" }, /classic/],
    [{ "group.coordinator.rebalance.protocols": "classic,raft" }, /must be one of/],
    [{ "group.consumer.assignors": "range" }, undefined],
    [{ "group.consumer.assignors": "org.example.Mine" }, /must be one of/],
    [{ "group.consumer.migration.policy": "UPGRADE" }, undefined]
  ]
  for (const [settings, why] of cases) {
    it(`${why === undefined ? "takes" : "refuses"} ${JSON.stringify(settings)}`, () => {
      const message = wrong(settings)
      if (why === undefined) assert.isUndefined(message)
      else assert.match(message ?? "", why)
    })
  }

  it("are words and lists if they are not numbers", () => {
    const settings = settingsWith({ "group.consumer.migration.policy": "UPGRADE", "group.consumer.assignors": "range" })
    assert.strictEqual(settings.groupConsumerMigrationPolicy, "upgrade")
    assert.deepStrictEqual(settings.groupConsumerAssignors, ["range"])
    assert.deepStrictEqual(effective({}, settings).consumerAssignors, ["range"])
  })
})
