/** Targets that want a login, that are away, or that come back as others. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startBroker } from "../BrokerUnderTest.ts"
import { startSaslBroker } from "../security/sasl/SaslBroker.ts"
import { shadowOf, sideOf } from "./TwoBrokers.ts"

describe("the target of a shadow", { timeout: 30_000 }, () => {
  it("may want a login, which a file tells", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tusk-shadow-"))
    try {
      const file = join(folder, "client.properties")
      const login = ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=alice"]
      writeFileSync(file, [...login, "sasl.password=alice-secret"].join("\n"))
      await using to = await startSaslBroker()
      const target = await sideOf(to)
      await using from = await startBroker({
        ...shadowOf(to),
        shadowTo: `127.0.0.1:${to.ports[1]}`,
        shadowClientConfig: file
      })
      const source = await sideOf(from)
      await from.createTopic("orders")
      await source.values("orders", 0, "a")
      await target.ends("orders", 0, 1n)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("is told about if the file says nothing sensible", async () => {
    await using from = await startBroker({ shadowTo: "127.0.0.1:1", shadowClientConfig: "nowhere.properties" })
    const source = await sideOf(from)
    await source.tells(/nothing is forwarded: tusk.shadow.client.config nowhere.properties: ENOENT/)
  })

  it("is waited for while it is away, and begun with anew once it is another cluster", async () => {
    const first = await startBroker({})
    const listeners = [{ name: "PLAINTEXT", host: "127.0.0.1", port: first.port }]
    await using from = await startBroker(shadowOf(first))
    const source = await sideOf(from)
    await from.createTopic("orders")
    await source.values("orders", 0, "a")
    await (await sideOf(first)).ends("orders", 0, 1n)
    await first[Symbol.asyncDispose]()
    await source.values("orders", 0, "b")
    await source.tells(/mirrored later|goes on in/)
    await using second = await startBroker({}, { listeners })
    await (await sideOf(second)).ends("orders", 0, 2n)
    await source.tells(/the target is another cluster/)
    assert.deepStrictEqual((await (await sideOf(second)).records("orders")).length, 2)
  })

  it("may have forgotten the producer", async () => {
    await using to = await startBroker({ producerIdExpirationMs: 1 })
    await using from = await startBroker(shadowOf(to))
    const [source, target] = [await sideOf(from), await sideOf(to)]
    await from.createTopic("orders")
    for (let i = 1n; i <= 20n; i++) {
      await source.values("orders", 0, `${i}`)
      await target.ends("orders", 0, i)
    }
    assert.deepStrictEqual((await target.records("orders")).map(({ offset }) => offset).at(-1), 19n)
  })
})
