import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import type { Settings } from "../../config/Settings.ts"
import { Pkcs12Error, readPkcs12 } from "@tusk/client/security/Pkcs12"

/** What cannot be used of a listener's key store or trust store. `message`: the setting, the file, and why; nothing secret. */
export class StoreFault extends Error {
  override readonly name = "StoreFault"
}

/** A listener's own certificates and key, as PEM. */
export interface KeyPair {
  readonly certificates: string
  readonly key: string
  /** Opens the key. */
  readonly passphrase: string | undefined
}

/** The settings that stores are read by. */
export type StoreSettings = Pick<
  Settings,
  | "sslKeystoreType"
  | "sslKeystoreLocation"
  | "sslKeystorePassword"
  | "sslKeystoreCertificateChain"
  | "sslKeystoreKey"
  | "sslKeyPassword"
  | "sslTruststoreType"
  | "sslTruststoreLocation"
  | "sslTruststorePassword"
  | "sslTruststoreCertificates"
>

const JKS_MAGIC = 0xfeedfeed
const JCEKS_MAGIC = 0xcececece

const open = (secret: Redacted.Redacted | undefined): string | undefined =>
  secret === undefined ? undefined : Redacted.value(secret)

const readStore = (setting: string, file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new StoreFault(`${setting} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}

/** Whether a store is PEM; JKS is refused with what makes PKCS12 of it. */
const isPem = (setting: string, file: string, bytes: Buffer): boolean => {
  const magic = bytes.length < 4 ? 0 : bytes.readUInt32BE(0)
  if (magic === JKS_MAGIC || magic === JCEKS_MAGIC) {
    const to = `${file.replace(/\.(?:jks|jceks)$/i, "")}.p12`
    throw new StoreFault(
      `${setting} ${file} is a JKS key store, which only Java reads. This makes PKCS12 of it: ` +
        `keytool -importkeystore -srckeystore ${file} -destkeystore ${to} -deststoretype PKCS12`
    )
  }
  return bytes.includes("-----BEGIN ")
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g

/** The blocks of a PEM text, each in lines as OpenSSL wants them: a value of properties may have lost its line ends. */
const blocksOf = (text: string): ReadonlyArray<readonly [label: string, pem: string]> =>
  Array.from(text.matchAll(PEM_BLOCK), ([whole, label, body]) => {
    if (!/^[A-Za-z0-9+/=\s]*$/.test(body!)) return [label!, `${whole}\n`] as const
    const lines = body!.replace(/\s+/g, "").replace(/.{1,64}/g, "$&\n")
    return [label!, `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`] as const
  })

const certificatesIn = (text: string): string =>
  blocksOf(text)
    .flatMap(([label, pem]) => (/CERTIFICATE$/.test(label) ? [pem] : []))
    .join("")

const keyIn = (text: string): string | undefined => blocksOf(text).find(([label]) => /PRIVATE KEY$/.test(label))?.[1]

const opened = (setting: string, file: string, bytes: Buffer, password: string) => {
  try {
    return readPkcs12(bytes, password)
  } catch (error) {
    if (!(error instanceof Pkcs12Error)) throw error
    throw new StoreFault(`${setting} ${file}: ${error.message}`)
  }
}

/** Throws `StoreFault`. */
export const readKeyPair = (settings: StoreSettings): KeyPair => {
  const { sslKeyPassword, sslKeystoreCertificateChain, sslKeystoreKey, sslKeystoreLocation } = settings
  const [chain, key] = [open(sslKeystoreCertificateChain), open(sslKeystoreKey)]
  const passphrase = open(sslKeyPassword)
  if (chain !== undefined || key !== undefined) {
    if (sslKeystoreLocation !== undefined) {
      throw new StoreFault("ssl.keystore.location and ssl.keystore.certificate.chain are given: give one of them")
    }
    if (chain === undefined) throw new StoreFault("ssl.keystore.key is given without ssl.keystore.certificate.chain")
    if (key === undefined) throw new StoreFault("ssl.keystore.certificate.chain is given without ssl.keystore.key")
    return pairOf("ssl.keystore.certificate.chain and ssl.keystore.key", chain, key, passphrase)
  }
  if (sslKeystoreLocation === undefined) {
    throw new StoreFault(
      "it has no certificate: ssl.keystore.location, or ssl.keystore.certificate.chain and ssl.keystore.key (tusk tls self-signed makes a pair for trying)"
    )
  }
  const setting = "ssl.keystore.location"
  const bytes = readStore(setting, sslKeystoreLocation)
  if (isPem(setting, sslKeystoreLocation, bytes)) {
    const text = bytes.toString("utf8")
    return pairOf(`${setting} ${sslKeystoreLocation}`, text, text, passphrase)
  }
  const store = opened(setting, sslKeystoreLocation, bytes, open(settings.sslKeystorePassword) ?? "")
  return pairOf(`${setting} ${sslKeystoreLocation}`, store.certificates.join(""), store.key ?? "", undefined)
}

const pairOf = (where: string, chain: string, key: string, passphrase: string | undefined): KeyPair => {
  const certificates = certificatesIn(chain)
  const found = keyIn(key)
  if (certificates === "") throw new StoreFault(`${where}: there is no certificate in it`)
  if (found === undefined) throw new StoreFault(`${where}: there is no private key in it`)
  if (/ENCRYPTED/.test(found) && passphrase === undefined) {
    throw new StoreFault(`${where}: the private key is encrypted, and there is no ssl.key.password`)
  }
  return { certificates, key: found, passphrase }
}

/** The authorities of clients, as PEM; undefined if none are named. Throws `StoreFault`. */
export const readTrusted = (settings: StoreSettings): string | undefined => {
  const { sslTruststoreCertificates, sslTruststoreLocation, sslTruststorePassword } = settings
  const inline = open(sslTruststoreCertificates)
  if (inline !== undefined && sslTruststoreLocation !== undefined) {
    throw new StoreFault("ssl.truststore.location and ssl.truststore.certificates are given: give one of them")
  }
  if (inline !== undefined) return trustedOf("ssl.truststore.certificates", certificatesIn(inline))
  if (sslTruststoreLocation === undefined) return undefined
  const setting = "ssl.truststore.location"
  const bytes = readStore(setting, sslTruststoreLocation)
  const certificates = isPem(setting, sslTruststoreLocation, bytes)
    ? certificatesIn(bytes.toString("utf8"))
    : opened(setting, sslTruststoreLocation, bytes, open(sslTruststorePassword) ?? "").certificates.join("")
  return trustedOf(`${setting} ${sslTruststoreLocation}`, certificates)
}

const trustedOf = (where: string, certificates: string): string => {
  if (certificates === "") throw new StoreFault(`${where}: there is no certificate in it`)
  return certificates
}

/** The files that both are read from. */
export const filesOf = ({ sslKeystoreLocation, sslTruststoreLocation }: StoreSettings): ReadonlyArray<string> =>
  [sslKeystoreLocation, sslTruststoreLocation].filter((file) => file !== undefined)
