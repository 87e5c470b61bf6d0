import { assert, describe, it } from "@effect/vitest"
import type { Configs } from "@tusk/storage/topics/Configs"
import { metricsResource, subscriptionOf } from "../../src/config/ClientMetrics.ts"

const resource = metricsResource({ names: () => [], of: () => new Map() } as unknown as Configs["Service"])
const check = (name: string, value: string) => {
  const error = resource.changes!.check(new Map([[name, value]]), new Map(), "")
  return error === undefined ? undefined : [error.code, error.message]
}
const client = {
  client_instance_id: "EBESExQVFhcYGRobHB0eHw",
  client_id: "app-1",
  client_software_name: "apache-kafka-java",
  client_software_version: "4.3.1",
  client_source_address: "127.0.0.1",
  client_source_port: undefined
}

describe("configs of client metrics", () => {
  it.each([
    ["metrics", ""],
    ["metrics", "a., b. ,a."],
    ["interval.ms", "100"],
    ["interval.ms", "3600000"],
    ["match", ""],
    ["match", "client_id=a.*, client_source_port=9.*"],
    ["match", "client_id=a=,client_instance_id=x"]
  ])("may be %s=%s", (name, value) => {
    assert.isUndefined(check(name, value))
  })

  it.each<readonly [string, string, number, string]>([
    ["interval.ms", "99", 42, "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)"],
    ["interval.ms", "soon", 40, "Invalid value soon for configuration interval.ms: Not a number of type INT"],
    ["metrics", "a,,b", 40, "Configuration 'metrics' values must not be empty."],
    ["match", "color=red", 40, "Illegal client matching pattern: color=red"],
    ["match", "client_id=a=b", 40, "Illegal client matching pattern: client_id=a=b"],
    ["match", "client_id=(", 40, "Illegal client matching pattern: client_id=("],
    ["match", "client_id=(a)\\1", 40, "Illegal client matching pattern: client_id=(a)\\1"],
    ["nope", "1", 42, "Unknown client metrics configuration: nope"]
  ])("may not be %s=%s", (name, value, code, message) => {
    assert.deepStrictEqual(check(name, value), [code, message])
  })

  it.each([
    ["", true],
    ["client_id=app-\\d", true],
    ["client_id=app", false],
    ["client_id=app.*,client_software_version=4\\..*", true],
    ["client_id=app.*,client_software_version=3\\..*", false],
    ["client_source_port=.*", false]
  ])("match %s: %s", (match, matches) => {
    assert.strictEqual(subscriptionOf(new Map([["match", match]])).isFor(client), matches)
  })
})
