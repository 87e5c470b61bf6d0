/** Apache Kafka and Tusk with the same listeners, users and rules. */
import { join } from "node:path"
import { startApacheKafka } from "../../../bench/kafka/ApacheKafka.ts"
import type { Broker } from "../../../bench/kafka/Broker.ts"
import { freePort } from "../../../bench/kafka/Broker.ts"
import { startTusk } from "../../../bench/kafka/TuskProcess.ts"
import { AUDIENCE, ISSUER } from "./Keys.ts"
import type { Certificates, Tokens } from "./Keys.ts"

/** For how long a connection to REAUTH is good without another login. */
export const SESSION_MS = 2500

/** Where the listeners are, `127.0.0.1:PORT`; nobody logs in at `broker.bootstrap`, and may do everything there. */
export interface Secured {
  readonly broker: Broker
  readonly sasl: string
  /** The same, with sessions of `SESSION_MS`. */
  readonly reauth: string
  readonly mtls: string
}

const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
const MODULES = "org.apache.kafka.common.security"
const PROTOCOLS = { SASL: "SASL_PLAINTEXT", REAUTH: "SASL_PLAINTEXT", MTLS: "SSL" } as const

/** Users of PLAIN, `name` to password. */
export type Users = Readonly<Record<string, string>>

const settingsOf = (users: Users, certificates: Certificates, tokens: Tokens): Record<string, string> => {
  const plain = Object.entries(users).map(([user, password]) => ` user_${user}="${password}"`)
  const settings: Record<string, string> = {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": certificates.keystore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": certificates.ca,
    "listener.name.mtls.ssl.client.auth": "required",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "num.partitions": "1",
    "offsets.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0"
  }
  for (const listener of ["sasl", "reauth"]) {
    const of = (name: string) => `listener.name.${listener}.${name}`
    settings[of("sasl.enabled.mechanisms")] = MECHANISMS.join(",")
    settings[of("plain.sasl.jaas.config")] = `${MODULES}.plain.PlainLoginModule required${plain.join("")};`
    settings[of("sasl.oauthbearer.jwks.endpoint.url")] = tokens.jwks
    settings[of("sasl.oauthbearer.expected.audience")] = AUDIENCE
    settings[of("sasl.oauthbearer.expected.issuer")] = ISSUER
    settings[of("sasl.oauthbearer.clock.skew.seconds")] = "0"
  }
  for (const mechanism of MECHANISMS) {
    settings[`listener.name.reauth.${mechanism.toLowerCase()}.connections.max.reauth.ms`] = `${SESSION_MS}`
  }
  return settings
}

/** Login modules and the validator of tokens, which Apache Kafka wants by their class names. */
const classesOfKafka = (): Record<string, string> => {
  const settings: Record<string, string> = {}
  for (const listener of ["sasl", "reauth"]) {
    const of = (name: string) => `listener.name.${listener}.${name}`
    for (const mechanism of ["scram-sha-256", "scram-sha-512"])
      settings[of(`${mechanism}.sasl.jaas.config`)] = `${MODULES}.scram.ScramLoginModule required;`
    settings[of("oauthbearer.sasl.jaas.config")] = `${MODULES}.oauthbearer.OAuthBearerLoginModule required;`
    settings[of("oauthbearer.sasl.server.callback.handler.class")] =
      `${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`
  }
  return settings
}

type Start = (users: Users, certificates: Certificates, tokens: Tokens) => Promise<Secured>

const ports = async () => ({ SASL: await freePort(), REAUTH: await freePort(), MTLS: await freePort() })

const secured = (broker: Broker, at: Awaited<ReturnType<typeof ports>>): Secured => ({
  broker,
  sasl: `127.0.0.1:${at.SASL}`,
  reauth: `127.0.0.1:${at.REAUTH}`,
  mtls: `127.0.0.1:${at.MTLS}`
})

const startKafka: Start = async (users, certificates, tokens) => {
  const at = await ports()
  const beside = Object.entries(at).map(([name, port]) => `${name}://127.0.0.1:${port}`)
  const map = Object.entries({ PLAINTEXT: "PLAINTEXT", CONTROLLER: "PLAINTEXT", ...PROTOCOLS })
  const broker = await startApacheKafka({
    heap: "768m",
    system: {
      "org.apache.kafka.sasl.oauthbearer.allowed.urls": tokens.jwks,
      "org.apache.kafka.sasl.oauthbearer.allowed.files": join(new URL(tokens.jwks).pathname)
    },
    settings: ({ controller, port }) => ({
      ...settingsOf(users, certificates, tokens),
      ...classesOfKafka(),
      listeners: [`PLAINTEXT://127.0.0.1:${port}`, ...beside, `CONTROLLER://127.0.0.1:${controller}`].join(","),
      "advertised.listeners": [`PLAINTEXT://127.0.0.1:${port}`, ...beside].join(","),
      "listener.security.protocol.map": map.map(([name, protocol]) => `${name}:${protocol}`).join(",")
    })
  })
  return secured(broker, at)
}

const startOurs =
  (storage: "embedded" | "memory"): Start =>
  async (users, certificates, tokens) => {
    const at = await ports()
    const broker = await startTusk({
      storage,
      settings: settingsOf(users, certificates, tokens),
      listeners: {
        SASL: [PROTOCOLS.SASL, at.SASL],
        REAUTH: [PROTOCOLS.REAUTH, at.REAUTH],
        MTLS: [PROTOCOLS.MTLS, at.MTLS]
      }
    })
    return secured(broker, at)
  }

export const starts = { kafka: startKafka, embedded: startOurs("embedded"), memory: startOurs("memory") } as const
