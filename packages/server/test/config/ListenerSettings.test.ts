import { assert, describe, it } from "@effect/vitest"
import type { Configs } from "@tusk/storage/topics/Configs"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { brokerResource } from "../../src/config/BrokerResource.ts"
import { settingsOf, strangeListeners } from "../../src/config/ListenerSettings.ts"
import { parseSettings } from "../../src/config/Settings.ts"

const parse = (pairs: Record<string, string>) =>
  parseSettings(Object.entries(pairs).map(([name, value]) => ({ name, value, origin: "--set" })))

const settings = (pairs: Record<string, string>) => Result.getOrThrow(parse(pairs)).settings

const refusal = (pairs: Record<string, string>): string => {
  const parsed = parse(pairs)
  return Result.isFailure(parsed) ? parsed.failure.message : assert.fail("taken")
}

const GIVEN = {
  "ssl.keystore.location": "/all.pem",
  "ssl.client.auth": "none",
  "listener.name.out.ssl.keystore.location": "/out.pem",
  "listener.name.OUT.ssl.client.auth": "required",
  "listener.name.out.ssl.key.password": "hush",
  "listener.name.out.max.connections": "7"
}

describe("settings of one listener", () => {
  it("are its own, else those of all", () => {
    const all = settings(GIVEN)
    assert.strictEqual(all.sslKeystoreLocation, "/all.pem")
    const out = settingsOf(all, "OUT")
    assert.deepStrictEqual(
      [out.sslKeystoreLocation, out.sslClientAuth, out.maxConnections],
      ["/out.pem", "required", 7]
    )
    assert.strictEqual(Redacted.value(out.sslKeyPassword!), "hush")
    assert.strictEqual(settingsOf(all, "IN"), all)
    assert.isUndefined(all.sslKeyPassword)
  })

  it("are refused as others are: unknown, unfit, or one for all", () => {
    assert.match(
      refusal({ "listener.name.out.ssl.keystore.locaton": "x" }),
      /unknown setting .*; did you mean listener\.name\.out\.ssl\.keystore\.location\?$/
    )
    assert.match(refusal({ "listener.name.out.ssl.client.auth": "maybe" }), /listener\.name\.out\.ssl\.client\.auth/)
    assert.match(refusal({ "listener.name.out.num.partitions": "3" }), /num\.partitions is one for all listeners/)
    assert.match(refusal({ "listener.name.out.plain.ssl.client.auth": "none" }), /unknown setting/)
  })

  it("warn if they mean nothing here, or no listener has the name", () => {
    const parsed = Result.getOrThrow(
      parse({ "listener.name.a.plain.sasl.login.class": "x", "listener.name.a.zookeeper.x": "y" })
    )
    assert.lengthOf(parsed.warnings, 2)
    assert.deepStrictEqual(strangeListeners(settings(GIVEN), ["in", "Out"]), [])
    assert.lengthOf(strangeListeners(settings(GIVEN), ["IN"]), 4)
  })

  it("are told by DescribeConfigs, and secrets are not", () => {
    const none = { of: () => new Map() } as unknown as Configs["Service"]
    const entries = brokerResource(none, settings(GIVEN), false).describe("1")
    if (!Array.isArray(entries)) return assert.fail("no entries")
    const of = (name: string) => entries.find((entry) => entry.name === name)
    assert.strictEqual(of("listener.name.out.ssl.keystore.location")?.value, "/out.pem")
    const secret = of("listener.name.out.ssl.key.password")
    assert.deepStrictEqual([secret?.value, secret?.isSensitive, secret?.readOnly], [null, true, true])
    assert.notInclude(JSON.stringify(entries), "hush")
  })
})
