/** Certificates that change while the broker runs. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TLSSocket } from "node:tls"
import { within } from "../../WireClient.ts"
import { authority, signed, startTls, stranger } from "./TlsUnderTest.ts"
import type { TlsBroker } from "./TlsUnderTest.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tusk-tls-"))
})
afterEach(() => rmSync(folder, { recursive: true }))

const shownBy = async (tls: TlsBroker): Promise<string> => {
  await using client = await tls.connect({ rejectUnauthorized: false })
  return (client.socket as TLSSocket).getPeerCertificate().subject.CN as string
}

/** Connects until it holds. */
const until = (holds: () => Promise<boolean> | boolean): Promise<void> =>
  within(
    (async () => {
      while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
    })(),
    "the change"
  )

const pemOf = (name: string): string => {
  const { certificate, key } = signed([["CN", name]])
  return certificate + key
}

describe("a key store that changes", () => {
  it("counts for new connections, the old ones go on; a broken one is told, and the old one stays", async () => {
    const file = join(folder, "server.pem")
    writeFileSync(file, pemOf("first"))
    await using tls = await startTls({ "ssl.keystore.location": file })
    await using old = await tls.connect()
    assert.strictEqual(await shownBy(tls), "first")
    writeFileSync(file, pemOf("second"))
    await until(async () => (await shownBy(tls)) === "second")
    writeFileSync(file, "broken")
    await until(() => tls.log.some(({ level, text }) => level === "Warn" && text.includes("the old one stays")))
    assert.strictEqual(await shownBy(tls), "second")
    writeFileSync(file, pemOf("third"))
    await until(async () => (await shownBy(tls)) === "third")
    assert.lengthOf((await old.call(Metadata, 12, { topics: [] })).brokers, 1)
  })

  it("behind a link, as Kubernetes changes it", async () => {
    for (const [name, pem] of Object.entries({ one: pemOf("first"), two: pemOf("second") })) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, "tls.pem"), pem)
    }
    symlinkSync("one", join(folder, "..data"))
    symlinkSync(join("..data", "tls.pem"), join(folder, "tls.pem"))
    await using tls = await startTls({ "ssl.keystore.location": join(folder, "tls.pem") })
    assert.strictEqual(await shownBy(tls), "first")
    symlinkSync("two", join(folder, "..new"))
    renameSync(join(folder, "..new"), join(folder, "..data"))
    await until(async () => (await shownBy(tls)) === "second")
  })

  it("trusts others from then on", async () => {
    const [keys, trusted] = [join(folder, "server.pem"), join(folder, "ca.pem")]
    writeFileSync(keys, pemOf("server"))
    writeFileSync(trusted, stranger.certificate)
    await using tls = await startTls({
      "ssl.keystore.location": keys,
      "ssl.truststore.location": trusted,
      "ssl.client.auth": "required"
    })
    const { certificate, key } = signed([["CN", "client"]])
    const isServed = async () => {
      try {
        await using client = await tls.connect({ cert: certificate, key })
        return (await client.call(Metadata, 12, { topics: [] })).brokers.length === 1
      } catch {
        return false
      }
    }
    assert.isFalse(await isServed())
    writeFileSync(trusted, stranger.certificate + authority.certificate)
    await until(isServed)
  })
})
