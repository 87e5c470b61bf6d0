import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { wrongLogins } from "../../../src/security/sasl/checkLogins.ts"
import { jaasUsers } from "../../../src/security/sasl/JaasUsers.ts"
import { Tusk } from "../../../src/Tusk.ts"
import { capturing } from "../../BrokerUnderTest.ts"
import type { LogLine } from "../../BrokerUnderTest.ts"
import { WireClient } from "../../WireClient.ts"
import { scramLogin } from "./SaslBroker.ts"

const MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"

describe("users of a setting", () => {
  it("are read as JAAS writes them", () => {
    const text = `${MODULE} required\n  username="broker" password="b"\n user_a="x y" user_b='it"s' user_c=plain user_d="q\\"\\\\";`
    assert.deepStrictEqual(jaasUsers(text), new Map(Object.entries({ a: "x y", b: 'it"s', c: "plain", d: 'q"\\' })))
    assert.deepStrictEqual(jaasUsers("a.b.ScramLoginModule required;"), new Map())
  })

  it("that are not written so are told without a password", () => {
    for (const wrong of ["", "x", `${MODULE} required user_a="secret"`, `${MODULE} required user_a="secret" oops;`]) {
      const said = jaasUsers(wrong)
      assert.isString(said, wrong)
      assert.notInclude(said as string, "secret")
    }
    const name = "listener.name.sasl.plain.sasl.jaas.config"
    const given = new Map([[name, { name, value: `${MODULE} required user_a="secret"`, origin: "--set" }]])
    assert.match(wrongLogins({ given } as never) ?? "", /^--set: listener\.name\.sasl\.plain\.sasl\.jaas\.config: /)
  })
})

describe("first users", () => {
  it("are made at the start, and log in; no line tells a password", async () => {
    const log: Array<LogLine> = []
    const scope = Scope.makeUnsafe()
    const layer = Layer.provide(
      Tusk.layerMemory({
        users: [{ name: "root", password: Redacted.make("a-secret") }],
        listeners: [{ name: "SASL", protocol: "SASL_PLAINTEXT", host: "127.0.0.1", port: 0 }]
      }),
      capturing(log)
    )
    const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    try {
      const { port } = Context.get(context, Tusk).listeners[0]!
      for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
        await using client = await WireClient.connect(port)
        assert.isTrue((await scramLogin(client, mechanism, "root", "a-secret")).isSigned)
      }
      assert.include(
        log.map(({ text }) => text),
        "user root is made"
      )
      assert.notInclude(JSON.stringify(log), "a-secret")
    } finally {
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  })
})
