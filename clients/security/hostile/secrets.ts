/** Passwords, tokens and keys that can be told from everything else: no log, answer, page or command line has any of them. */
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { execFileSync, spawnSync } from "node:child_process"
import { createPrivateKey, randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../../bench/kafka/ApacheKafka.ts"
import type { Report } from "../../../bench/groups/Report.ts"
import { selfSigned } from "../../../packages/server/src/security/tls/selfSigned.ts"
import { plainToken, rawFrame, scramLogin, upsertion } from "../../../packages/server/test/security/sasl/SaslBroker.ts"
import { WireClient } from "../../../packages/server/test/WireClient.ts"
import { startHostileTusk } from "./HostileTusk.ts"
import type { HostileTusk } from "./HostileTusk.ts"

/** By name what nobody is to find. */
class Secrets {
  readonly #texts = new Map<string, string>()

  make(name: string): string {
    return this.keep(name, `s3cret${randomBytes(9).toString("hex")}`)
  }

  keep(name: string, text: string): string {
    this.#texts.set(name, text)
    return text
  }

  keepBytes(name: string, bytes: Uint8Array): void {
    this.keep(`${name} in hex`, Buffer.from(bytes).toString("hex"))
    this.keep(`${name} in base64`, Buffer.from(bytes).toString("base64"))
  }

  /** Names of those that are in a text. */
  foundIn(text: string): ReadonlyArray<string> {
    return Array.from(this.#texts).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []))
  }
}

const MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"

/** A line of a PEM text in its middle. */
const lineOf = (pem: string): string => pem.split("\n")[2]!

const settingsOf = (secrets: Secrets) => {
  const { certificate, key } = selfSigned()
  const passphrase = secrets.make("ssl.key.password")
  const encrypted = createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase })
  secrets.keep("the key", lineOf(key))
  secrets.keep("the encrypted key", lineOf(String(encrypted)))
  return {
    certificate: { certificate, key: String(encrypted) },
    settings: {
      "ssl.key.password": passphrase,
      "ssl.keystore.password": secrets.make("ssl.keystore.password"),
      "ssl.truststore.password": secrets.make("ssl.truststore.password"),
      "delegation.token.secret.key": secrets.make("delegation.token.secret.key"),
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      "listener.name.sasl.plain.sasl.jaas.config": `${MODULE} user_alice="${secrets.make("a password of JAAS")}";`
    },
    env: { TUSK_ADMIN_USER: "root", TUSK_ADMIN_PASSWORD: secrets.make("TUSK_ADMIN_PASSWORD") }
  }
}

/** What is answered, as text: bytes as they are, for an error may have any of them. */
const heard: Array<string> = []

const onConnection = async (port: number, work: (client: WireClient) => Promise<unknown>) => {
  const client = await WireClient.connect(port)
  client.socket.on("data", (bytes) => heard.push(String(bytes)))
  try {
    await work(client)
  } finally {
    await client[Symbol.asyncDispose]()
  }
}

/** Logins of all kinds, right and wrong, well formed and not. */
const logIn = async ({ ports }: HostileTusk, secrets: Secrets, admin: string) => {
  const tokens: ReadonlyArray<readonly [mechanism: string, token: Buffer]> = [
    ["PLAIN", plainToken("alice", secrets.make("a wrong password"))],
    ["PLAIN", plainToken("nobody", secrets.make("a password of nobody"))],
    ["PLAIN", Buffer.from(`\0\0${secrets.make("a password without a user")}`)],
    ["PLAIN", Buffer.from(`\0a\0b\0${secrets.make("a password behind too many tokens")}`)],
    ["PLAIN", Buffer.concat([Buffer.of(0xff), Buffer.from(secrets.make("a password in what is no UTF-8"))])],
    ["SCRAM-SHA-256", Buffer.from(secrets.make("a password for a message of SCRAM"))],
    ["OAUTHBEARER", Buffer.from(`n,,\x01auth=Bearer ${secrets.make("a token")}.e30.e30\x01\x01`)],
    ["OAUTHBEARER", Buffer.from(`n,,\x01auth=Basic ${secrets.make("another token")}\x01\x01`)],
    ["OAUTHBEARER", Buffer.from(secrets.make("a token without a header"))]
  ]
  for (const [mechanism, authBytes] of tokens) {
    for (const version of [0, 1]) {
      await onConnection(ports.SASL, async (client) => {
        await client.call(SaslHandshake, version, { mechanism })
        if (version === 0) client.sendBytes(rawFrame(authBytes))
        else await client.call(SaslAuthenticate, 2, { authBytes }).catch(() => {})
        if (mechanism !== "OAUTHBEARER") await client.closed
      })
    }
  }
  await onConnection(ports.SASL, async (client) => {
    await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    await client.call(SaslAuthenticate, 2, { authBytes: plainToken("root", admin) })
    await client.call(Metadata, 12, { topics: [] })
    const { errorCode, hmac } = await client.call(CreateDelegationToken, 3, { maxLifetimeMs: -1n })
    if (errorCode !== 0) throw new Error(`CreateDelegationToken: ${errorCode}`)
    secrets.keepBytes("a token's HMAC", hmac)
    await client.call(DescribeDelegationToken, 3, { owners: null })
    // A password where a request is due, and as a name.
    client.sendBytes(rawFrame(Buffer.from(secrets.make("a password where a request is due"))))
    await client.closed
  })
}

const makeUsers = async ({ ports }: HostileTusk, secrets: Secrets) => {
  const password = secrets.make("a password of SCRAM")
  for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
    const made = upsertion("carol", mechanism, password)
    secrets.keepBytes(`the salted password of ${mechanism}`, made.saltedPassword)
    await onConnection(ports.PLAINTEXT, (client) =>
      client.call(AlterUserScramCredentials, 0, {
        deletions: [],
        upsertions: [made, { ...made, name: "", iterations: 1 }]
      })
    )
    await onConnection(ports.SASL, (client) => scramLogin(client, mechanism, "carol", password))
    await onConnection(ports.SASL, (client) =>
      scramLogin(client, mechanism, "carol", secrets.make("a wrong one of SCRAM"))
    )
  }
}

/** Settings of the broker, told and changed. */
const askForConfigs = async ({ ports }: HostileTusk, secrets: Secrets) => {
  for (const port of [ports.PLAINTEXT]) {
    await onConnection(port, async (client) => {
      const { brokers } = await client.call(Metadata, 12, { topics: [] })
      const resourceName = String(brokers[0]!.nodeId)
      const resources = [{ resourceType: 4, resourceName, configurationKeys: null }]
      const options = { includeSynonyms: true, includeDocumentation: true }
      const { results } = await client.call(DescribeConfigs, 4, { resources, ...options })
      if (results[0]?.errorCode !== 0) throw new Error(`DescribeConfigs: ${results[0]?.errorMessage}`)
      for (const name of [
        "sasl.jaas.config",
        "ssl.key.password",
        "listener.name.sasl.plain.sasl.jaas.config",
        "nonsense"
      ]) {
        const configs = [
          { name, configOperation: 0, value: `${MODULE} user_x="${secrets.make(`${name}, set later`)}";` }
        ]
        for (const to of ["", resourceName]) {
          await client.call(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: to, configs }] })
        }
      }
      await client.call(DescribeConfigs, 4, { resources, ...options })
    })
  }
}

/** What a start that fails prints; each of them has something secret in it. */
const badStarts = (folder: string, secrets: Secrets): ReadonlyArray<readonly [what: string, lines: string]> => [
  ["a quote is missing", `sasl.jaas.config=${MODULE} user_alice="${secrets.make("JAAS without an end")};\n`],
  ["no module", `sasl.jaas.config=${secrets.make("JAAS without a module")}\n`],
  ["a key that is none", `ssl.keystore.certificate.chain=x\nssl.keystore.key=${secrets.make("a key that is none")}\n`],
  ["a key in lines", `ssl.keystore.key=-----BEGIN PRIVATE KEY-----\n${secrets.make("a line of a key")}\n`],
  ["the end of a key", `num.partitions=1\n${secrets.make("the last line of a key")}==\n`],
  ["a key with a colon", `${secrets.make("a line with a colon")}/abc:x\n`],
  [
    "a database",
    `tusk.storage=postgres\ntusk.database.url=postgres://u:${secrets.make("a database's")}@127.0.0.1:1/x\n`
  ],
  [
    "a database, misspelt",
    `tusk.storage=postgres\ntusk.database.url=postgres//u:${secrets.make("a misspelt URL's")}@h/x\n`
  ],
  ["a key store", `ssl.keystore.location=${join(folder, "none")}\nssl.keystore.password=${secrets.make("a store's")}\n`]
]

const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")

const tryToStart = (folder: string, secrets: Secrets, report: Report) => {
  for (const [what, lines] of badStarts(folder, secrets)) {
    const file = join(folder, "bad.properties")
    writeFileSync(file, `listeners=SASLSSL://127.0.0.1:0\nlistener.security.protocol.map=SASLSSL:SASL_SSL\n${lines}`)
    let text = ""
    for (const words of [
      ["start", "--log-level", "debug"],
      ["config", "print"]
    ]) {
      const storage = lines.includes("postgres") || words[0] === "config" ? [] : ["--storage", "memory"]
      const args = ["--conditions=tusk-source", launcher, ...words, ...storage, "--config", file]
      const { stderr, stdout } = spawnSync(process.execPath, args, { cwd: folder, timeout: 5000, encoding: "utf8" })
      text += stdout + stderr
    }
    const found = secrets.foundIn(text)
    report.check(`a start that fails: ${what}`, found.length === 0, found.join(", ") || "no secret", "no secret")
  }
}

export const secretsStaySecret = async (report: Report): Promise<void> => {
  const secrets = new Secrets()
  const options = settingsOf(secrets)
  const tusk = await startHostileTusk({ ...options, logLevel: "debug" })
  try {
    await logIn(tusk, secrets, options.env.TUSK_ADMIN_PASSWORD)
    await makeUsers(tusk, secrets)
    await askForConfigs(tusk, secrets)
    const page = async (path: string) => (await fetch(`http://127.0.0.1:${tusk.admin}${path}`)).text()
    const places: ReadonlyArray<readonly [where: string, text: string]> = [
      ["the log at debug", tusk.log()],
      ["answers", heard.join("\n")],
      ["the page of metrics", (await page("/metrics")) + (await page("/readyz"))],
      ["ps", execFileSync("ps", ["-eo", "args"], { encoding: "utf8", maxBuffer: 1 << 26 })],
      ["the command line", readFileSync(`/proc/${tusk.pid}/cmdline`, "utf8")]
    ]
    for (const [where, text] of places) {
      const found = secrets.foundIn(text)
      report.check(`${where} (${text.length} bytes)`, found.length === 0, found.join(", ") || "no secret", "no secret")
    }
    tryToStart(tusk.folder, secrets, report)
  } finally {
    await tusk.stop()
  }
}
