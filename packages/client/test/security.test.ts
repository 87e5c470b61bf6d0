import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ClientConfigError } from "../src/security/ClientConfigError.ts"
import type { Login } from "../src/Login.ts"
import { isSecret, securityOf, userWithoutPassword } from "../src/security/ClientSecurity.ts"
import { parseJaas } from "../src/security/Jaas.ts"
import type { ClientProperties } from "../src/security/KeyStores.ts"
import { oauthLogin, plainLogin } from "../src/security/Mechanisms.ts"
import { certificatesOfPkcs12 } from "../src/security/KeyStores.ts"
import { scramLogin } from "../src/security/Scram.ts"

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "utf8"))

/** What a login sends for these answers, and how it ends. */
const played = (login: Login, answers: ReadonlyArray<string>) => {
  const side = login.start()
  const sent: Array<string> = []
  let step = side.next()
  for (const answer of answers) {
    if (step.done === true) break
    sent.push(Buffer.from(step.value).toString("utf8"))
    step = side.next(bytes(answer))
  }
  return { sent, ends: step.done === true ? step.value : "goes on" }
}

const properties = (more: Readonly<Record<string, string>>): ClientProperties =>
  new Map(Object.entries(more).map(([name, value]) => [name, { value, origin: "client.properties:1" }]))

const refusal = (more: Readonly<Record<string, string>>): string => {
  const told = securityOf(properties(more))
  return told instanceof ClientConfigError ? told.message : "none"
}

describe("SCRAM", () => {
  const user = { mechanism: "SCRAM-SHA-256", user: "user", password: "pencil", isToken: false } as const
  const first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  const login = scramLogin(user, () => "rOprNGfwEbeRWgbNEkqO")

  it("says what RFC 7677 says", () => {
    const { ends, sent } = played(login, [first, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="])
    assert.strictEqual(ends, undefined)
    assert.deepStrictEqual(sent, [
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ])
  })

  it("does not go on with a broker that does not know the password, or makes it cheap", () => {
    assert.include(played(login, [first, "v=AAAA"]).ends, "does not know the password")
    assert.include(played(login, [first, "e=other-error"]).ends, "other-error")
    assert.include(played(login, ["r=another,s=AAAA,i=4096"]).ends, "nonce")
    assert.include(played(login, [first.replace("4096", "1")]).ends, "1 iterations")
    assert.include(played(login, [first.replace("4096", "999999999")]).ends, "999999999 iterations")
  })

  it("names users with its own characters in them, and tokens (KIP-48)", () => {
    const odd = scramLogin({ ...user, user: "a=b,c", isToken: true }, () => "n")
    assert.deepStrictEqual(played(odd, [""]).sent, ["n,,n=a=3Db=2Cc,r=n,tokenauth=true"])
  })
})

describe("other mechanisms", () => {
  it("PLAIN sends user and password", () => {
    assert.deepStrictEqual(played(plainLogin("a", "b"), [""]), { sent: ["\u0000a\u0000b"], ends: undefined })
  })

  it("OAUTHBEARER sends the token of that moment, and reads why it is refused", () => {
    let token = "t1"
    const login = oauthLogin(() => token, new Map([["x", "y"]]))
    assert.deepStrictEqual(played(login, [""]).sent, ["n,,\u0001auth=Bearer t1\u0001x=y\u0001\u0001"])
    token = "t2"
    const { ends, sent } = played(login, ['{"status":"invalid_token"}', ""])
    assert.strictEqual(sent[1], "\u0001")
    assert.include(sent[0], "Bearer t2")
    assert.include(ends, "invalid_token")
  })
})

describe("a client's properties", () => {
  it("nothing is in clear, and nobody", () => assert.deepStrictEqual(securityOf(properties({})), {}))

  it("a login is Kafka's line, or librdkafka's two names", () => {
    const kafka = {
      "security.protocol": "SASL_PLAINTEXT",
      "sasl.mechanism": "PLAIN",
      "sasl.jaas.config":
        'org.apache.kafka.common.security.plain.PlainLoginModule required username="a b" password="q\\"=;x" z=1 ;'
    }
    const librdkafka = {
      "security.protocol": "sasl_plaintext",
      "sasl.mechanisms": "PLAIN",
      "sasl.username": "a b",
      "sasl.password": 'q"=;x'
    }
    for (const each of [kafka, librdkafka]) {
      const told = securityOf(properties(each))
      if (told instanceof ClientConfigError) throw told
      assert.deepStrictEqual(played(told.login!, [""]).sent, ['\u0000a b\u0000q"=;x'])
      assert.isUndefined(told.tls)
    }
  })

  it("a line of JAAS that is none does not tell its secret", () => {
    assert.isUndefined(parseJaas('Module required password="open'))
    assert.isUndefined(parseJaas("Module required a=b"))
    const message = refusal({
      "security.protocol": "SASL_SSL",
      "sasl.mechanism": "PLAIN",
      "sasl.jaas.config": 'Module required password="hidden'
    })
    assert.notInclude(message, "hidden")
    assert.include(message, "client.properties:1")
  })

  it("what is wrong is told with the place where it stands", () => {
    const sasl = { "security.protocol": "SASL_PLAINTEXT" }
    assert.include(refusal({ "sasl.mechanisn": "PLAIN" }), "did you mean sasl.mechanism?")
    assert.include(refusal({ "security.protocol": "TLS" }), "client.properties:1: TLS is not one of PLAINTEXT")
    assert.include(refusal(sasl), "sasl.mechanism is not given")
    assert.include(refusal({ ...sasl, "sasl.mechanism": "GSSAPI" }), "GSSAPI is not served")
    assert.include(refusal({ ...sasl, "sasl.mechanism": "PLAIN" }), "wants a user")
    assert.include(refusal({ ...sasl, "sasl.mechanism": "PLAIN", "sasl.username": "a" }), "TUSK_SASL_PASSWORD_FILE")
    assert.include(refusal({ ...sasl, "sasl.mechanism": "OAUTHBEARER" }), "file:///PATH")
    const http = "sasl.oauthbearer.token.endpoint.url"
    assert.include(refusal({ ...sasl, "sasl.mechanism": "OAUTHBEARER", [http]: "https://x/" }), "https://x/")
    const ssl = { "security.protocol": "SSL" }
    assert.include(refusal({ ...ssl, "ssl.truststore.location": "nowhere.pem" }), "nowhere.pem: ENOENT")
    assert.include(refusal({ ...ssl, "ssl.enabled.protocols": "TLSv1.2,SSLv3" }), "SSLv3")
    assert.include(refusal({ ...ssl, "ssl.keystore.key": "x" }), "belong together")
    assert.strictEqual(
      refusal({ ...ssl, "ssl.truststore.type": "PEM", "sasl.login.class": "x", "group.id": "g" }),
      "none"
    )
  })

  it("knows which values are secrets, and whose password is to be asked for", () => {
    for (const name of ["sasl.password", "sasl.jaas.config", "ssl.keystore.key", "ssl.key.password"]) {
      assert.isTrue(isSecret(name), name)
    }
    assert.isFalse(isSecret("ssl.keystore.location"))
    const login = { "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "a" }
    assert.strictEqual(userWithoutPassword(properties(login)), "a")
    assert.isUndefined(userWithoutPassword(properties({ ...login, "sasl.password": "b" })))
    assert.isUndefined(userWithoutPassword(properties({ ...login, "security.protocol": "SSL" })))
  })
})

/** A certificate that keytool put into a truststore, encrypted by PBES2; password secret1. */
const TRUSTSTORE =
  "MIIC4gIBAzCCAowGCSqGSIb3DQEHAaCCAn0EggJ5MIICdTCCAnEGCSqGSIb3DQEHBqCCAmIwggJeAgEAMIICVwYJKoZIhvcNAQcBMGYGCSqGSIb3DQEFDTBZMDgGCSqGSIb3DQEFDDArBBSc2BjKQQ5t9lhUWDKG60+mq9zxTgICJxACASAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDYO/QhZ56zhxf5GCsT9JXWAggHgSmJd5uHWFS6SkZunJur3HETU6v1M9BWLHZqS7+9mH31Mugg2Lls47plaiLVzCQ29Huyb3w4mXO04KzJFxEvja6rilT2VcSdl+9uuDYQ2H2tF20KluijzLxAUn61TDNKBSs1yDXx+YhrPwpnVnhVnBIKbvYGpezAtA3gOBKvz6MArjedhTJHgSmaPrDU4tF337ile7MqTGpq2DSFS/WvS22ydwe5p3BPfggC6M5uYytkoT0GXdGSsDQXc3s5Qi6PP21jda7t6F9e0YfQluoqUmanS+Krh8SW8LBiXIznTFHVMFyW97sepOJfrm0FAoPLmiaAi2GJj3I1XWEGYFZZNvByDYoObv0RoEh+Zd5PKBTdJt+WnsVcNVFTPv5e+BUnhX6juZXgKjrI2TqgAD93It38PlkUqNQw/+zKOXZfHgDdqbyjV1CbiqktA+NcDdaUneQ+4W2B7EdBoeMMTf9PcfXw5HfJtiehCo7jC1zpo4VmLOGw5dzGPDCpfXDuh7EnVBIGXHhVcu3vZak5/5xnePOwpTqbyajf2fap/G2Nb0zHyiPVv1RiKapRvuUHl1pKyWmeW5OWCBEyWxNRiMdwBj9+08PIXjo6fecZOjgvyPYL3qJxoU/oaUz/80mIyWUavME0wMTANBglghkgBZQMEAgEFAAQgowpIAdn0fvglNypb0NBmZDRMvPi+l7Hwx6a7cVPUYgUEFPCZ6nwRbwXxadYSp2BV9Pwm8LW/AgInEA=="

describe("stores of keys", () => {
  it("a truststore of keytool's is opened, by its password", () => {
    const store = Buffer.from(TRUSTSTORE, "base64")
    const found = certificatesOfPkcs12(store, "secret1", "here")
    if (found instanceof ClientConfigError) return assert.fail(found.message)
    assert.strictEqual(found.length, 1)
    assert.match(found[0]!, /^-----BEGIN CERTIFICATE-----\n/)
    const refused = (bytes: Uint8Array, password: string) => {
      const error = certificatesOfPkcs12(bytes, password, "here")
      return error instanceof ClientConfigError ? error.message : ""
    }
    assert.match(refused(store, "wrong"), /^here: .*password/)
    for (let length = 0; length < store.byteLength; length += 7) {
      assert.match(refused(store.subarray(0, length), "secret1"), /^here: ./)
    }
  })

  it("files are known by what they hold", () => {
    const folder = mkdtempSync(join(tmpdir(), "tusk-client-"))
    try {
      const [pkcs12, pem, java] = ["t.p12", "t.pem", "t.jks"].map((name) => join(folder, name)) as [
        string,
        string,
        string
      ]
      writeFileSync(pkcs12, Buffer.from(TRUSTSTORE, "base64"))
      writeFileSync(java, Buffer.from("feedfeed00000002", "hex"))
      const ssl = { "security.protocol": "SSL" }
      const told = securityOf(
        properties({ ...ssl, "ssl.truststore.location": pkcs12, "ssl.truststore.password": "secret1" })
      )
      if (told instanceof ClientConfigError) throw told
      assert.strictEqual(told.tls?.trusted?.length, 1)
      assert.isTrue(told.tls?.checksName)
      writeFileSync(pem, told.tls!.trusted![0]!)
      const plain = securityOf(
        properties({ ...ssl, "ssl.ca.location": pem, "ssl.endpoint.identification.algorithm": "none" })
      )
      if (plain instanceof ClientConfigError) throw plain
      assert.deepStrictEqual(plain.tls?.trusted?.length, 1)
      assert.isFalse(plain.tls?.checksName)
      assert.match(refusal({ ...ssl, "ssl.truststore.location": java }), /keytool -importkeystore .*t\.jks\.p12/)
      assert.include(refusal({ ...ssl, "ssl.keystore.location": pem }), "no private key")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
