import { nearest } from "@tusk/protocol/nearest"
import { fileURLToPath } from "node:url"
import { ClientConfigError } from "./ClientConfigError.ts"
import { readSecret } from "./Secret.ts"
import type { Security } from "../BrokerConnection.ts"
import type { Login } from "../Login.ts"
import { parseJaas } from "./Jaas.ts"
import { tlsOptionsOf } from "./KeyStores.ts"
import type { ClientProperties } from "./KeyStores.ts"
import { oauthLogin, plainLogin } from "./Mechanisms.ts"
import { SCRAM_MECHANISMS, scramLogin } from "./Scram.ts"
import type { ScramMechanism } from "./Scram.ts"

/** What a client goes by, by Kafka's names; after them librdkafka's for the same. */
const READ = [
  "security.protocol",
  "sasl.mechanism",
  "sasl.jaas.config",
  "sasl.oauthbearer.token.endpoint.url",
  "ssl.truststore.location",
  "ssl.truststore.certificates",
  "ssl.truststore.password",
  "ssl.keystore.location",
  "ssl.keystore.certificate.chain",
  "ssl.keystore.key",
  "ssl.keystore.password",
  "ssl.key.password",
  "ssl.enabled.protocols",
  "ssl.cipher.suites",
  "ssl.endpoint.identification.algorithm",
  "sasl.mechanisms",
  "sasl.username",
  "sasl.password",
  "ssl.ca.location",
  "ssl.certificate.location",
  "ssl.key.location"
]

/** What other clients read from the same file, and nothing is to be done about here. */
const ELSEWHERE =
  /^(?:ssl\.(?:(?:trust|key)store\.type|(?:trust|key)manager\.algorithm|protocol|provider|secure\.random\.implementation|engine\.factory\.class)|security\.providers|sasl\.(?:login\..+|client\.callback\.handler\.class|oauthbearer\.(?!token\.).+|kerberos\..+))$/

/** A name that looks like one of these and is none: a secured client must not go on without it. */
const misnamed = (properties: ClientProperties): ClientConfigError | undefined => {
  for (const [name, { origin }] of properties) {
    if (!/^(?:sasl|ssl|security)\./.test(name) || READ.includes(name) || ELSEWHERE.test(name)) continue
    const near = nearest(name, READ)
    const hint = near === undefined ? "" : `; did you mean ${near}?`
    return new ClientConfigError({ message: `${origin}: there is no property ${name}${hint}` })
  }
  return undefined
}

/** Whether a value must not stand in a command line, where `ps` shows it. */
export const isSecret = (name: string): boolean => /password$|jaas\.config$|keystore\.key$/.test(name)

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

const MECHANISMS = ["PLAIN", ...Object.keys(SCRAM_MECHANISMS), "OAUTHBEARER"]

const mechanismOf = (properties: ClientProperties) =>
  properties.get("sasl.mechanism") ?? properties.get("sasl.mechanisms")

const jaasOf = (properties: ClientProperties) => {
  const told = properties.get("sasl.jaas.config")
  if (told === undefined) return undefined
  return (
    parseJaas(told.value) ??
    new ClientConfigError({ message: `${told.origin}: sasl.jaas.config is not MODULE required NAME="VALUE";` })
  )
}

/** The user of a login whose password is told nowhere, so that it can be asked for. */
export const userWithoutPassword = (properties: ClientProperties): string | undefined => {
  const isLogin = properties.get("security.protocol")?.value.toUpperCase().startsWith("SASL_") === true
  const mechanism = mechanismOf(properties)?.value.toUpperCase()
  if (!isLogin || mechanism === "OAUTHBEARER" || properties.has("sasl.password")) return undefined
  const jaas = jaasOf(properties)
  if (jaas instanceof ClientConfigError || jaas?.options.has("password") === true) return undefined
  return jaas?.options.get("username") ?? properties.get("sasl.username")?.value
}

/** A token lies in a file, where whatever renews it puts it; it is read at each login. */
const tokenLogin = (
  properties: ClientProperties,
  extensions: ReadonlyMap<string, string>
): Login | ClientConfigError => {
  const told = properties.get("sasl.oauthbearer.token.endpoint.url")
  if (told?.value.startsWith("file:") !== true) {
    const where = told === undefined ? "sasl.oauthbearer.token.endpoint.url" : `${told.origin}: ${told.value}`
    return new ClientConfigError({ message: `${where}: file:///PATH of a token is what OAUTHBEARER takes here` })
  }
  const file = fileURLToPath(told.value)
  const token = readSecret(file, told.origin)
  if (token instanceof ClientConfigError) return token
  return oauthLogin(() => {
    const now = readSecret(file, told.origin)
    return now instanceof ClientConfigError ? token : now
  }, extensions)
}

const loginOf = (properties: ClientProperties): Login | ClientConfigError => {
  const told = mechanismOf(properties)
  const mechanism = told?.value.toUpperCase() ?? ""
  if (!MECHANISMS.includes(mechanism)) {
    const which = told === undefined ? "sasl.mechanism is not given" : `${told.origin}: ${told.value} is not served`
    return new ClientConfigError({ message: `${which}: give one of ${MECHANISMS.join(", ")}` })
  }
  const jaas = jaasOf(properties)
  if (jaas instanceof ClientConfigError) return jaas
  if (mechanism === "OAUTHBEARER") {
    const extensions = Array.from(jaas?.options ?? []).flatMap(([name, value]) =>
      name.startsWith("extension_") ? [[name.slice("extension_".length), value] as const] : []
    )
    return tokenLogin(properties, new Map(extensions))
  }
  const user = jaas?.options.get("username") ?? properties.get("sasl.username")?.value
  const password = jaas?.options.get("password") ?? properties.get("sasl.password")?.value
  if (user === undefined || password === undefined) {
    const missing = user === undefined ? "user (sasl.username)" : "password (sasl.password, TUSK_SASL_PASSWORD_FILE)"
    return new ClientConfigError({ message: `${mechanism} wants a ${missing}, or both in sasl.jaas.config` })
  }
  if (mechanism === "PLAIN") return plainLogin(user, password)
  const isToken = jaas?.options.get("tokenauth")?.toLowerCase() === "true"
  return scramLogin({ mechanism: mechanism as ScramMechanism, user, password, isToken })
}

/** What properties say of TLS and of who logs in; nothing: in clear, as nobody. */
export const securityOf = (properties: ClientProperties): Security | ClientConfigError => {
  const wrong = misnamed(properties)
  if (wrong !== undefined) return wrong
  const told = properties.get("security.protocol")
  const protocol = told?.value.toUpperCase() ?? "PLAINTEXT"
  if (!PROTOCOLS.includes(protocol)) {
    return new ClientConfigError({ message: `${told?.origin}: ${told?.value} is not one of ${PROTOCOLS.join(", ")}` })
  }
  const tls = protocol.endsWith("SSL") ? tlsOptionsOf(properties) : undefined
  if (tls instanceof ClientConfigError) return tls
  const login = protocol.startsWith("SASL_") ? loginOf(properties) : undefined
  if (login instanceof ClientConfigError) return login
  return { ...(tls === undefined ? {} : { tls }), ...(login === undefined ? {} : { login }) }
}
