import * as Result from "effect/Result"
import { constants, createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import type { SecureContextOptions, SecureVersion } from "node:tls"
import { settingsOf } from "../../config/ListenerSettings.ts"
import { SettingsError } from "../../config/Settings.ts"
import type { Settings } from "../../config/Settings.ts"
import type { SecurityProtocol } from "../../request/ConnectionInfo.ts"
import { DEFAULT_CIPHERS, openSslCipher } from "./cipherSuites.ts"
import { filesOf, readKeyPair, readTrusted, StoreFault } from "./KeyStore.ts"
import type { KeyPair } from "./KeyStore.ts"
import { principalMapping } from "./PrincipalMapping.ts"
import type { PrincipalMapping } from "./PrincipalMapping.ts"

type ClientAuth = Settings["sslClientAuth"]

/** All that one listener's TLS goes by. */
export interface ListenerTls {
  readonly listener: string
  readonly protocol: "SSL" | "SASL_SSL"
  readonly clientAuth: ClientAuth
  readonly mapping: PrincipalMapping
  readonly handshakeTimeoutMs: number
  readonly maxHandshakes: number
  /** What was read at the start. */
  readonly context: SecureContextOptions
  /** So long after it is told that its certificate will not do, a client's connection is closed. */
  readonly refusalMs: number
  /** The files that it was read from: they are looked at again. */
  readonly files: ReadonlyArray<string>
  /** Reads all of it again; fails with a line for people. */
  readonly reread: () => Result.Result<SecureContextOptions, string>
}

const VERSIONS: ReadonlyArray<SecureVersion> = ["TLSv1.2", "TLSv1.3"]

/** The least and the greatest version of `ssl.enabled.protocols`. */
const versionsOf = (names: ReadonlyArray<string>): Pick<SecureContextOptions, "minVersion" | "maxVersion"> => {
  const stranger = names.find((name) => !(VERSIONS as ReadonlyArray<string>).includes(name))
  if (stranger !== undefined || names.length === 0) {
    throw new StoreFault(`ssl.enabled.protocols ${names.join(",")}: TLSv1.2 and TLSv1.3 are served, and nothing older`)
  }
  const asked = VERSIONS.filter((version) => names.includes(version))
  return { minVersion: asked[0]!, maxVersion: asked.at(-1)! }
}

const ciphersOf = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? DEFAULT_CIPHERS
    : names
        .map((name) => {
          const cipher = openSslCipher(name)
          if (cipher === undefined) throw new StoreFault(`ssl.cipher.suites: this Node has no cipher suite ${name}`)
          return cipher
        })
        .join(":")

const MISMATCH = "the private key is not that of the first certificate"

const keyObjectOf = ({ key, passphrase }: KeyPair) =>
  createPrivateKey(passphrase === undefined ? key : { key, passphrase })

/** What OpenSSL makes of it, before somebody connects. Its messages hold nothing secret. */
const checked = (context: SecureContextOptions, pair: KeyPair): SecureContextOptions => {
  try {
    createSecureContext(context)
    if (new X509Certificate(pair.certificates).checkPrivateKey(keyObjectOf(pair))) return context
    throw new StoreFault(MISMATCH)
  } catch (error) {
    if (error instanceof StoreFault) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const reason = message.replace(/^error:[0-9A-F]+:/, "").replace(/^.*::/, "")
    throw new StoreFault(
      code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH"
        ? MISMATCH
        : code === "ERR_OSSL_BAD_DECRYPT" || code === "ERR_OSSL_EVP_BAD_DECRYPT"
          ? "ssl.key.password does not open the private key"
          : `the certificate and key cannot be used: ${reason}`
    )
  }
}

const readContext = (settings: Settings, clientAuth: ClientAuth): SecureContextOptions => {
  const pair = readKeyPair(settings)
  const { certificates, key, passphrase } = pair
  const trusted = readTrusted(settings)
  if (clientAuth !== "none" && trusted === undefined) {
    throw new StoreFault(
      `ssl.client.auth=${clientAuth} needs the authorities of clients: ssl.truststore.location or ssl.truststore.certificates`
    )
  }
  const context: SecureContextOptions = {
    cert: certificates,
    key,
    ...(passphrase === undefined ? {} : { passphrase }),
    // Else Node would trust every authority of the web.
    ca: trusted ?? [],
    ...versionsOf(settings.sslEnabledProtocols),
    ciphers: ciphersOf(settings.sslCipherSuites),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION
  }
  return checked(context, pair)
}

const attempt = <A>(read: () => A): Result.Result<A, string> => {
  try {
    return Result.succeed(read())
  } catch (error) {
    if (error instanceof StoreFault) return Result.fail(error.message)
    throw error
  }
}

interface Listener {
  readonly name: string
  readonly protocol?: SecurityProtocol
}

/** In Kafka a SASL_SSL listener asks for certificates only if that was said of this very listener. */
const clientAuthOf = (all: Settings, own: Settings, { name, protocol }: Listener): ClientAuth =>
  protocol === "SASL_SSL" && !all.given.has(`listener.name.${name.toLowerCase()}.ssl.client.auth`)
    ? "none"
    : own.sslClientAuth

type Secured = Listener & { readonly protocol: ListenerTls["protocol"] }

const speaksTls = (listener: Listener): listener is Secured =>
  listener.protocol === "SSL" || listener.protocol === "SASL_SSL"

const readListener = (all: Settings, listener: Secured): Result.Result<ListenerTls, string> => {
  const settings = settingsOf(all, listener.name)
  const clientAuth = clientAuthOf(all, settings, listener)
  const mapping = principalMapping(settings.sslPrincipalMappingRules ?? "DEFAULT")
  if (Result.isFailure(mapping)) return Result.fail(`ssl.principal.mapping.rules: ${mapping.failure}`)
  const reread = () => attempt(() => readContext(settings, clientAuth))
  return Result.map(reread(), (context) => ({
    listener: listener.name,
    protocol: listener.protocol,
    clientAuth,
    mapping: mapping.success,
    handshakeTimeoutMs: all.tlsHandshakeTimeoutMs,
    maxHandshakes: all.tlsMaxHandshakes,
    context,
    refusalMs: all.connectionFailedAuthenticationDelayMs,
    files: filesOf(settings),
    reread
  }))
}

/** What the listeners that speak TLS go by, by their names; the first that cannot is the error. */
export const readListenersTls = (
  settings: Settings,
  listeners: ReadonlyArray<Listener>
): Result.Result<ReadonlyMap<string, ListenerTls>, SettingsError> => {
  const found = new Map<string, ListenerTls>()
  for (const listener of listeners) {
    if (!speaksTls(listener)) continue
    const tls = readListener(settings, listener)
    if (Result.isFailure(tls)) {
      return Result.fail(new SettingsError({ message: `listener ${listener.name}: ${tls.failure}` }))
    }
    found.set(listener.name, tls.success)
  }
  return Result.succeed(found)
}
