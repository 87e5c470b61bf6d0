import { assert, describe, it } from "@effect/vitest"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { tuskMetrics } from "../../../src/observe/tuskMetrics.ts"
import { AdminUnderTest } from "../../observe/AdminUnderTest.ts"
import { WireClient } from "../../WireClient.ts"
import { plainLogin, SASL_LISTENERS, saslSettings } from "./SaslBroker.ts"

describe("logins", () => {
  it("are counted by listener and mechanism, and apart from those that were refused", async () => {
    const settings = saslSettings({
      "connection.failed.authentication.delay.ms": 1,
      "listener.name.sasl.plain.connections.max.reauth.ms": 60_000
    })
    await using broker = await AdminUnderTest.start({ settings, listeners: SASL_LISTENERS })
    const connect = () => WireClient.connect(broker.tusk.listeners[1]!.port)
    await using client = await connect()
    await plainLogin(client, "alice", "alice-secret")
    // The same again, on the same connection.
    await plainLogin(client, "alice", "alice-secret")
    for (const password of ["bob-secret", "wrong", "wrong", "wrong"]) {
      await using other = await connect()
      await plainLogin(other, "bob", password)
    }
    await using stranger = await connect()
    await stranger.call(SaslHandshake, 1, { mechanism: "GSSAPI" })

    const page = await broker.page()
    const told = ({ name }: { readonly name: string }, mechanism: string) =>
      page.value(name, { listener: "SASL", mechanism })
    assert.strictEqual(told(tuskMetrics.logins, "PLAIN"), 3)
    assert.strictEqual(told(tuskMetrics.failedLogins, "PLAIN"), 3)
    assert.strictEqual(told(tuskMetrics.logins, ""), 0)
    assert.strictEqual(told(tuskMetrics.failedLogins, ""), 1)
  })
})
