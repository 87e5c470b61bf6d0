import { readFileSync } from "node:fs"
import { Pkcs12Error, readPkcs12 } from "./Pkcs12.ts"
import { ClientConfigError } from "./ClientConfigError.ts"
import type { TlsOptions } from "../Transport.ts"

/** A property's value, and where it stands. */
export interface Told {
  readonly value: string
  readonly origin: string
}

/** Properties by their names; later ones have won. */
export type ClientProperties = ReadonlyMap<string, Told>

/** What begins a JKS and a JCEKS file. */
const JAVA_STORES: ReadonlySet<number> = new Set([0xfeedfeed, 0xcececece])

type Store = { readonly kind: "PEM"; readonly text: string } | { readonly kind: "PKCS12"; readonly bytes: Uint8Array }

/** A file by what it holds, whatever `ssl.*.type` says of it. */
const readStore = ({ origin, value: file }: Told): Store | ClientConfigError => {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    return new ClientConfigError({
      message: `${origin}: ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`
    })
  }
  if (bytes.byteLength >= 4 && JAVA_STORES.has(bytes.readUInt32BE())) {
    const convert = `keytool -importkeystore -srckeystore ${file} -destkeystore ${file}.p12 -deststoretype PKCS12`
    return new ClientConfigError({
      message: `${origin}: ${file} is a store of Java's own; ${convert} makes one that is read`
    })
  }
  if (bytes[0] === 0x30) return { kind: "PKCS12", bytes }
  return { kind: "PEM", text: bytes.toString("utf8") }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]+(?:-[^-]+)*?-----END (?:[A-Z]+ )?PRIVATE KEY-----/

const certificatesOf = (text: string, origin: string): ReadonlyArray<string> | ClientConfigError =>
  text.match(CERTIFICATE) ?? new ClientConfigError({ message: `${origin}: no certificate is in it` })

/** Whom to trust; undefined: nobody is named. */
/** Node takes a PKCS#12 file only with a key in it, and a trust store has none. */
export const certificatesOfPkcs12 = (
  file: Uint8Array,
  password: string,
  origin: string
): ReadonlyArray<string> | ClientConfigError => {
  try {
    const { certificates } = readPkcs12(Buffer.from(file), password)
    return certificates.length > 0
      ? certificates
      : new ClientConfigError({ message: `${origin}: no certificate is in it` })
  } catch (error) {
    if (error instanceof Pkcs12Error) return new ClientConfigError({ message: `${origin}: ${error.message}` })
    throw error
  }
}

const trustedBy = (properties: ClientProperties): ReadonlyArray<string> | ClientConfigError | undefined => {
  const inline = properties.get("ssl.truststore.certificates")
  if (inline !== undefined) return certificatesOf(inline.value, inline.origin)
  const file = properties.get("ssl.truststore.location") ?? properties.get("ssl.ca.location")
  if (file === undefined) return undefined
  const store = readStore(file)
  if (store instanceof ClientConfigError) return store
  const origin = `${file.origin}: ${file.value}`
  if (store.kind === "PEM") return certificatesOf(store.text, origin)
  return certificatesOfPkcs12(store.bytes, properties.get("ssl.truststore.password")?.value ?? "", origin)
}

/** Certificates and key, from one file or two, or from no file at all. */
const ownBy = (properties: ClientProperties): TlsOptions["own"] | ClientConfigError => {
  const passphrase = properties.get("ssl.key.password")?.value
  const chain = properties.get("ssl.keystore.certificate.chain")
  const key = properties.get("ssl.keystore.key")
  if (chain !== undefined && key !== undefined) return pairOf(chain.value, key.value, passphrase, chain.origin)
  if (chain !== undefined || key !== undefined) {
    const { origin } = (chain ?? key)!
    return new ClientConfigError({
      message: `${origin}: ssl.keystore.certificate.chain and ssl.keystore.key belong together`
    })
  }
  const file = properties.get("ssl.keystore.location") ?? properties.get("ssl.certificate.location")
  if (file === undefined) return undefined
  const store = readStore(file)
  if (store instanceof ClientConfigError) return store
  if (store.kind === "PKCS12") {
    return { pkcs12: store.bytes, passphrase: properties.get("ssl.keystore.password")?.value ?? passphrase }
  }
  const apart = properties.get("ssl.key.location")
  const keyStore = apart === undefined ? store : readStore(apart)
  if (keyStore instanceof ClientConfigError) return keyStore
  return pairOf(store.text, keyStore.kind === "PEM" ? keyStore.text : "", passphrase, `${file.origin}: ${file.value}`)
}

const pairOf = (
  chain: string,
  keyText: string,
  passphrase: string | undefined,
  origin: string
): TlsOptions["own"] | ClientConfigError => {
  const certificates = certificatesOf(chain, origin)
  if (certificates instanceof ClientConfigError) return certificates
  const key = KEY.exec(keyText)?.[0]
  if (key === undefined) return new ClientConfigError({ message: `${origin}: no private key belongs to it` })
  return { certificates: certificates.join("\n"), key, passphrase }
}

const VERSIONS = ["TLSv1.2", "TLSv1.3"]

/** What `ssl.*` says, by Kafka's names, and librdkafka's for its files. */
export const tlsOptionsOf = (properties: ClientProperties): TlsOptions | ClientConfigError => {
  const trusted = trustedBy(properties)
  if (trusted instanceof ClientConfigError) return trusted
  const own = ownBy(properties)
  if (own instanceof ClientConfigError) return own
  const enabled = properties.get("ssl.enabled.protocols")
  const versions = enabled?.value.split(",").map((each) => each.trim()) ?? VERSIONS
  const odd = versions.find((each) => !VERSIONS.includes(each))
  if (odd !== undefined)
    return new ClientConfigError({ message: `${enabled?.origin}: ${odd} is not one of ${VERSIONS.join(", ")}` })
  const algorithm = properties.get("ssl.endpoint.identification.algorithm")?.value ?? "https"
  return {
    trusted,
    own,
    // Kafka switches it off by an empty value, librdkafka by `none`.
    checksName: algorithm !== "" && algorithm !== "none",
    versions,
    ciphers: properties.get("ssl.cipher.suites")?.value.replaceAll(/\s*,\s*/g, ":")
  }
}
