/** `tusk tls self-signed`, and a broker that is told what it says. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { X509Certificate } from "node:crypto"
import { once } from "node:events"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { connect } from "node:tls"
import { runCommandHere } from "./RunCommand.ts"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

const temporary = (): string => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  return folder.path
}

describe("tusk tls self-signed", () => {
  it("makes a pair for this machine and for the hosts that are named, and no one else can read the key", async () => {
    const out = join(temporary(), "tls")
    const { exit, stdout } = await runCommandHere(["tls", "self-signed", "--out", out, "--host", "kafka.example"])
    assert.strictEqual(exit, 0)
    const file = join(out, "server.pem")
    assert.include(stdout, `--set ssl.keystore.location=${file}`)
    assert.include(stdout, `ssl.truststore.location=${join(out, "ca.pem")}`)
    assert.strictEqual(statSync(file).mode & 0o777, 0o600)
    const certificate = new X509Certificate(readFileSync(join(out, "ca.pem")))
    for (const name of ["localhost", "kafka.example"]) assert.isString(certificate.checkHost(name))
    for (const address of ["127.0.0.1", "::1"]) assert.isString(certificate.checkIP(address))
    const again = await runCommandHere(["tls", "self-signed", "--out", out])
    assert.deepStrictEqual([again.exit, again.stderr], [1, `tusk: ${file}: it is there already\n`])
  })

  it("is what a broker serves", async () => {
    const out = temporary()
    await runCommandHere(["tls", "self-signed", "--out", join(out, "tls")])
    const tusk = new TuskProcess([
      ...["start", "--storage", "memory", "--admin", "off", "--listen", "SSL://127.0.0.1:0"],
      ...["--set", `ssl.keystore.location=${join(out, "tls", "server.pem")}`]
    ])
    cleanUp.push(() => tusk.kill("SIGTERM"))
    const port = await tusk.listening()
    const socket = connect({ port, host: "127.0.0.1", ca: readFileSync(join(out, "tls", "ca.pem")) })
    await once(socket, "secureConnect")
    assert.isTrue(socket.authorized)
    socket.destroy()
  })
  it("without a certificate a broker says so, and does not start", async () => {
    const tusk = new TuskProcess(["start", "--storage", "memory", "--listen", "SSL://127.0.0.1:0", "--admin", "off"])
    const { exit, output } = await tusk.finished()
    assert.strictEqual(exit, 1)
    assert.match(output, /^tusk: listener SSL: it has no certificate: ssl\.keystore\.location/m)
  })
})
