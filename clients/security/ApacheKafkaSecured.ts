/** Apache Kafka with a login, TLS and its StandardAuthorizer, for what is compared with it. */
import { startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import { freePort } from "../../bench/kafka/Broker.ts"
import type { KillableBroker } from "../../bench/kafka/Broker.ts"

/** Users of PLAIN and their passwords. `broker` is who Kafka's own processes are. */
export const USERS = {
  super: "super-secret",
  allowed: "allowed-secret",
  describer: "describer-secret",
  denied: "denied-secret"
} as const

const PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"

/** A line of `sasl.jaas.config` for a listener on which these users log in. */
export const jaasOf = (users: Readonly<Record<string, string>>, self?: string): string => {
  const own = self === undefined ? "" : ` username="${self}" password="${users[self]}"`
  const known = Object.entries(users).map(([user, password]) => ` user_${user}="${password}"`)
  return `${PLAIN}${own}${known.join("")};`
}

/** A listener's server certificate, as PEM files. */
export interface ServerKeys {
  /** Certificate and key in one file, as Kafka wants them. */
  readonly keystore: string
  /** Who signs clients' certificates. */
  readonly truststore: string
}

/** Where each listener listens: `127.0.0.1:PORT`. */
export interface Listeners {
  readonly plaintext: string
  readonly sasl: string
  /** Only with keys; SSL asks for a client's certificate, and goes on without one. */
  readonly ssl: string
  readonly saslSsl: string
}

const BROKER = { broker: "broker-secret" }

/** Starts it; anonymous clients come by `plaintext`, `User:super` is the one super user beside the broker itself. */
export const startSecuredKafka = async (
  keys?: ServerKeys,
  more: Readonly<Record<string, string>> = {}
): Promise<KillableBroker & Listeners> => {
  const [sasl, ssl, saslSsl] = [await freePort(), await freePort(), await freePort()]
  const at = (port: number) => `127.0.0.1:${port}`
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
  const oauth = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
  const mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
  const ofListener = (name: string) => ({
    [`listener.name.${name}.sasl.enabled.mechanisms`]: mechanisms,
    [`listener.name.${name}.plain.sasl.jaas.config`]: jaasOf({ ...USERS, ...BROKER }, "broker"),
    [`listener.name.${name}.scram-sha-256.sasl.jaas.config`]: scram,
    [`listener.name.${name}.scram-sha-512.sasl.jaas.config`]: scram,
    [`listener.name.${name}.oauthbearer.sasl.jaas.config`]: oauth,
    [`listener.name.${name}.oauthbearer.sasl.server.callback.handler.class`]:
      "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
  })
  const secure =
    keys === undefined
      ? {}
      : {
          "ssl.keystore.type": "PEM",
          "ssl.keystore.location": keys.keystore,
          "ssl.truststore.type": "PEM",
          "ssl.truststore.location": keys.truststore,
          "ssl.client.auth": "requested",
          ...ofListener("saslssl")
        }
  const broker = await startApacheKafka({
    heap: "768m",
    settings: ({ controller, port }) => {
      const listeners = [`PLAINTEXT://${at(port)}`, `SASL://${at(sasl)}`]
      if (keys !== undefined) listeners.push(`SSL://${at(ssl)}`, `SASLSSL://${at(saslSsl)}`)
      return {
        listeners: [...listeners, `CONTROLLER://${at(controller)}`].join(","),
        "advertised.listeners": listeners.join(","),
        "listener.security.protocol.map":
          "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,SASLSSL:SASL_SSL,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "SASL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        ...ofListener("sasl"),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": jaasOf(BROKER, "broker"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "auto.create.topics.enable": "false",
        "super.users": "User:broker;User:super",
        ...secure,
        ...more
      }
    }
  })
  return { ...broker, plaintext: broker.bootstrap, sasl: at(sasl), ssl: at(ssl), saslSsl: at(saslSsl) }
}
