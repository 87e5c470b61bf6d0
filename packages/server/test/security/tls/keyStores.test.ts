/** Key stores in all their forms. `stores.json`: made by keytool of Java 17 and openssl 3, and names as Java tells them. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { createPrivateKey, X509Certificate } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { getCiphers } from "node:tls"
import type { NamedSettings } from "../../../src/config/Settings.ts"
import { openSslCipher } from "../../../src/security/tls/cipherSuites.ts"
import { subjectOf } from "../../../src/security/tls/distinguishedName.ts"
import { readPkcs12 } from "@tusk/client/security/Pkcs12"
import { readListenersTls } from "../../../src/security/tls/TlsContext.ts"
import stores from "./stores.json" with { type: "json" }
import { authority, ofServer, parsed, pemSettings, SSL } from "./TlsUnderTest.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tusk-tls-"))
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const bytes = (base64: string): Buffer => Buffer.from(base64, "base64")

const contextOf = (settings: NamedSettings) => {
  const read = readListenersTls(parsed(settings), [SSL])
  return Result.isFailure(read) ? assert.fail(read.failure.message) : read.success.get("SSL")!.context
}

const refusal = (settings: NamedSettings): string => {
  const read = readListenersTls(parsed(settings), [SSL])
  if (Result.isSuccess(read)) return assert.fail("taken")
  assert.match(read.failure.message, /^listener SSL: [^\n]+$/)
  return read.failure.message
}

const subjects = (certificates: ReadonlyArray<string>) =>
  certificates.map((pem) => subjectOf(new X509Certificate(pem).raw))

describe("PKCS12", () => {
  it.each([
    ["keytool", "CN=keytool,O=o"],
    ["openssl", "CN=user CN=root"],
    ["openssl3Des", "CN=user CN=root"]
  ] as const)("of %s has the key and its certificate first", (name, names) => {
    const { certificates, key } = readPkcs12(bytes(stores.stores[name]), "changeit")
    assert.strictEqual(subjects(certificates).join(" "), names)
    assert.isTrue(new X509Certificate(certificates[0]!).checkPrivateKey(createPrivateKey(key!)))
  })

  it("may hold certificates alone, as a trust store does", () => {
    const { certificates, key } = readPkcs12(bytes(stores.stores.keytoolTrust), "changeit")
    assert.deepStrictEqual([subjects(certificates), key], [["CN=keytool,O=o", "CN=root"], undefined])
    assert.lengthOf(readPkcs12(bytes(stores.stores.opensslSha512), "changeit").certificates, 1)
  })

  it("is refused in one line: another password, of old, cut off anywhere, none at all", () => {
    const whole = bytes(stores.stores.openssl)
    assert.throws(() => readPkcs12(whole, "wrong"), /its password is another one/)
    assert.throws(() => readPkcs12(bytes(stores.stores.opensslRc2), "changeit"), /write it anew with keytool/)
    for (let length = 0; length < whole.length; length += 61) {
      assert.throws(() => readPkcs12(whole.subarray(0, length), "changeit"), /PKCS12|password/)
    }
    for (let at = 0; at < whole.length; at += 17) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x55
      try {
        readPkcs12(damaged, "changeit")
      } catch (error) {
        assert.strictEqual((error as Error).name, "Pkcs12Error")
      }
    }
  })
})

describe("names of certificates", () => {
  it.each(stores.names)("$name", ({ certificate, name }) => {
    assert.strictEqual(subjectOf(bytes(certificate)), name)
  })
})

describe("a key store", () => {
  it("is PEM or PKCS12, in a file, whatever its type says", () => {
    const pem = file("both.pem", ofServer.key + ofServer.certificate)
    assert.include(String(contextOf({ "ssl.keystore.location": pem }).cert), "BEGIN CERTIFICATE")
    const p12 = file("store.p12", bytes(stores.stores.keytool))
    const trust = file("trust.p12", bytes(stores.stores.keytoolTrust))
    const context = contextOf({
      "ssl.keystore.location": p12,
      "ssl.keystore.password": "changeit",
      "ssl.keystore.type": "PKCS12",
      "ssl.truststore.location": trust,
      "ssl.truststore.password": "changeit",
      "ssl.client.auth": "required"
    })
    assert.lengthOf(String(context.ca).match(/BEGIN CERTIFICATE/g)!, 2)
    assert.lengthOf(String(context.cert).match(/BEGIN CERTIFICATE/g)!, 1)
  })

  it("is PEM inline, whose lines may be gone; an encrypted key has its password", () => {
    const { certificate, encryptedKey, password } = stores.rsa
    const flat = (pem: string) => pem.replaceAll("\n", " ")
    contextOf({
      "ssl.keystore.certificate.chain": flat(certificate),
      "ssl.keystore.key": flat(encryptedKey),
      "ssl.key.password": password
    })
  })

  it("that is JKS is refused with the command that makes PKCS12 of it", () => {
    const jks = file("kafka.jks", Buffer.from("feedfeed00000002", "hex"))
    const message = refusal({ "ssl.keystore.location": jks, "ssl.keystore.password": "s3cret" })
    const to = jks.replace(".jks", ".p12")
    assert.include(message, `keytool -importkeystore -srckeystore ${jks} -destkeystore ${to} -deststoretype PKCS12`)
    assert.notInclude(message, "s3cret")
    assert.match(refusal({ ...pemSettings(), "ssl.truststore.location": jks }), /ssl\.truststore\.location .* JKS/)
  })

  it("that cannot be used is refused by name, and tells no secret", () => {
    const { certificate, encryptedKey } = stores.rsa
    const inline = (chain: string, key: string, more: NamedSettings = {}) =>
      refusal({ "ssl.keystore.certificate.chain": chain, "ssl.keystore.key": key, ...more })
    const wrong = inline(certificate, encryptedKey, { "ssl.key.password": "s3cret" })
    assert.match(wrong, /ssl\.key\.password does not open/)
    assert.notInclude(wrong, "s3cret")
    assert.match(inline(certificate, encryptedKey), /there is no ssl\.key\.password/)
    assert.match(inline(certificate, ofServer.key), /not that of the first certificate/)
    assert.match(inline("nothing", ofServer.key), /no certificate in it/)
    assert.match(inline(certificate, "nothing"), /no private key in it/)
    assert.match(refusal({}), /it has no certificate: .*\(tusk tls self-signed/)
    assert.match(refusal({ "ssl.keystore.key": ofServer.key }), /without ssl\.keystore\.certificate\.chain/)
    assert.match(refusal({ "ssl.keystore.certificate.chain": certificate }), /without ssl\.keystore\.key/)
    assert.match(refusal({ ...pemSettings(), "ssl.keystore.location": "/x" }), /give one of them/)
    assert.match(refusal({ "ssl.keystore.location": join(folder, "no") }), /cannot be read: ENOENT/)
    assert.match(refusal({ "ssl.keystore.location": file("x", "text") }), /no PKCS12 key store/)
    const p12 = file("store.p12", bytes(stores.stores.keytool))
    assert.match(refusal({ "ssl.keystore.location": p12, "ssl.keystore.password": "s3cret" }), /password is another/)
    assert.match(refusal({ ...pemSettings(), "ssl.client.auth": "required" }), /needs the authorities of clients/)
    assert.match(refusal({ ...pemSettings(), "ssl.enabled.protocols": "TLSv1.1,TLSv1.2" }), /nothing older/)
    assert.match(
      refusal({ ...pemSettings(), "ssl.cipher.suites": "TLS_RSA_WITH_RC4_128_MD5" }),
      /TLS_RSA_WITH_RC4_128_MD5/
    )
    assert.match(refusal({ ...pemSettings(), "ssl.principal.mapping.rules": "rule:x" }), /Invalid rule: rule:x/)
    const bad = authority.certificate.replace("\nMII", "\nAAA")
    assert.match(inline(bad, authority.key), /cannot be used/)
  })
})

describe("cipher suites", () => {
  it.each([
    ["TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"],
    ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
    ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384"],
    ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
    ["TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"]
  ])("%s", (iana, openssl) => {
    assert.strictEqual(openSslCipher(iana), openssl)
    assert.include(getCiphers(), openssl.toLowerCase())
  })

  it("that this Node has not", () => {
    assert.isUndefined(openSslCipher("TLS_ECDHE_RSA_WITH_RC4_128_SHA"))
    assert.isUndefined(openSslCipher(""))
  })
})
