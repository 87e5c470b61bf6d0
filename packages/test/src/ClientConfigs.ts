import { SCRAM_MECHANISMS } from "@tusk/server/security/sasl/ScramKeys"
import type { ScramMechanism } from "@tusk/server/security/sasl/ScramKeys"
import type { PlannedUser, SecurityPlan } from "./SecurityOptions.ts"
import { protocolOf } from "./securing.ts"
import { checkKeys, checkOneOf, unknownName } from "./refused.ts"

/** How a client logs in. */
export type LoginMechanism = "PLAIN" | ScramMechanism

export interface ClientOptions {
  /** SCRAM-SHA-512 if nothing is said, or the one that the user has. */
  readonly mechanism?: LoginMechanism
}

interface KafkajsSasl {
  readonly username: string
  readonly password: string
}

/** How clients get to the broker as one user, for the constructor of each. Each has the bootstrap servers, too. */
export interface ClientConfigs {
  /** `new Kafka({ ...config })` of kafkajs. */
  readonly kafkajs: {
    brokers: Array<string>
    ssl?: { ca: Array<string> }
    sasl?:
      | (KafkajsSasl & { mechanism: "plain" })
      | (KafkajsSasl & { mechanism: "scram-sha-256" })
      | (KafkajsSasl & { mechanism: "scram-sha-512" })
  }
  /** `new Producer({ ...config, clientId })` of @platformatic/kafka. */
  readonly platformatic: {
    bootstrapBrokers: Array<string>
    tls?: { ca: string }
    sasl?: { mechanism: LoginMechanism; username: string; password: string }
  }
  /** Properties of librdkafka: node-rdkafka, @confluentinc/kafka-javascript, kcat. */
  readonly librdkafka: { [property: string]: string }
  /** Properties of Java's clients and tools. */
  readonly java: { [property: string]: string }
}

const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`

const jaas = (mechanism: LoginMechanism, name: string, password: string): string => {
  const login = mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule"
  return `org.apache.kafka.common.security.${login} required username=${quoted(name)} password=${quoted(password)};`
}

interface Place {
  readonly bootstrapServers: string
  readonly ca: string | undefined
  readonly plan: SecurityPlan
}

/** Throws if there is no such user, or he has no such way in. */
export const clientConfigs = (
  { bootstrapServers, ca, plan }: Place,
  name: string | undefined,
  options: ClientOptions
): ClientConfigs => {
  checkKeys("client", options, ["mechanism"])
  const login = loginOf(plan, name, options.mechanism)
  const { mechanism, password, username } = login ?? {}
  const common = { "bootstrap.servers": bootstrapServers, "security.protocol": protocolOf(plan) }
  return {
    kafkajs: {
      brokers: [bootstrapServers],
      ...(ca === undefined ? {} : { ssl: { ca: [ca] } }),
      ...(login === undefined
        ? {}
        : {
            sasl: {
              mechanism: login.mechanism.toLowerCase() as "plain",
              username: login.username,
              password: login.password
            }
          })
    },
    platformatic: {
      bootstrapBrokers: [bootstrapServers],
      ...(ca === undefined ? {} : { tls: { ca } }),
      ...(login === undefined ? {} : { sasl: login })
    },
    librdkafka: {
      ...common,
      "security.protocol": common["security.protocol"].toLowerCase(),
      ...(ca === undefined ? {} : { "ssl.ca.pem": ca }),
      ...(login === undefined
        ? {}
        : { "sasl.mechanisms": mechanism!, "sasl.username": username!, "sasl.password": password! })
    },
    java: {
      ...common,
      ...(ca === undefined ? {} : { "ssl.truststore.type": "PEM", "ssl.truststore.certificates": ca }),
      ...(login === undefined
        ? {}
        : { "sasl.mechanism": mechanism!, "sasl.jaas.config": jaas(login.mechanism, login.username, login.password) })
    }
  }
}

const MECHANISMS: ReadonlyArray<LoginMechanism> = ["PLAIN", ...SCRAM_MECHANISMS]

const loginOf = ({ users }: SecurityPlan, name: string | undefined, wanted: LoginMechanism | undefined) => {
  if (wanted !== undefined) checkOneOf("client: mechanism", wanted, MECHANISMS)
  if (users === undefined) {
    if (name === undefined && wanted === undefined) return undefined
    throw new RangeError("client: the broker has no users, and asks for no login")
  }
  if (name === undefined) throw new RangeError("client: the broker asks for a login, say as whom")
  const user = users.find((each) => each.name === name)
  if (user === undefined) {
    throw unknownName(
      "client: user",
      name,
      users.map((each) => each.name)
    )
  }
  return { mechanism: mechanismOf(user, wanted), username: name, password: user.password }
}

const mechanismOf = ({ mechanisms, name }: PlannedUser, wanted: LoginMechanism | undefined): LoginMechanism => {
  const mechanism = wanted ?? mechanisms.at(-1)!
  if (mechanism === "PLAIN" || mechanisms.includes(mechanism)) return mechanism
  throw new RangeError(`client: ${name} does not have ${mechanism}`)
}
