import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { createSecureContext, getCACertificates } from "node:tls"
import type { ConnectionOptions, SecureVersion } from "node:tls"
import { refuse } from "./databaseUrl.ts"
import type { Parameters } from "./databaseUrl.ts"

export interface Tls {
  readonly ssl: false | ConnectionOptions
  /** Plain text will do if the server has no TLS. */
  readonly sslOptional: boolean
}

const MODES = ["disable", "allow", "prefer", "require", "no-verify", "verify-ca", "verify-full"] as const
type Mode = (typeof MODES)[number]

const isMode = (text: string): text is Mode => (MODES as ReadonlyArray<string>).includes(text)

const read = (parameter: string, file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    return refuse(`${parameter} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`)
  }
}

const version = (parameter: string, text: string): SecureVersion =>
  text === "TLSv1" || text === "TLSv1.1" || text === "TLSv1.2" || text === "TLSv1.3"
    ? text
    : refuse(`${parameter} "${text}" is none of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3`)

/** Files that libpq takes when nothing is said of them, if they are there. */
const defaultFile = (home: string | undefined, name: string): string | undefined => {
  if (home === undefined) return undefined
  const file = join(home, ".postgresql", name)
  return existsSync(file) ? file : undefined
}

/** The authorities that have to certify a server. */
const authorities = (rootcert: string | undefined): Pick<ConnectionOptions, "ca"> => {
  if (rootcert === undefined) return {}
  if (rootcert === "system") return { ca: getCACertificates("system") }
  return { ca: read("sslrootcert", rootcert) }
}

/** What this side shows of itself. */
const ownCertificate = (
  said: (name: string) => string | undefined,
  home: string | undefined
): Pick<ConnectionOptions, "cert" | "key" | "passphrase"> => {
  const cert = said("sslcert") ?? defaultFile(home, "postgresql.crt")
  if (cert === undefined) {
    return said("sslkey") === undefined ? {} : refuse("sslkey is given without a certificate (sslcert)")
  }
  const key = said("sslkey") ?? defaultFile(home, "postgresql.key")
  if (key === undefined) return refuse(`sslcert ${cert} is given without its key (sslkey)`)
  const passphrase = said("sslpassword")
  const pair = { cert: read("sslcert", cert), key: read("sslkey", key) }
  return checked(passphrase === undefined ? pair : { ...pair, passphrase }, cert, key)
}

type Own = Pick<ConnectionOptions, "cert" | "key" | "passphrase">

/** Found wrong now: while a connection is opened there is nobody to tell. */
const checked = (own: Own, cert: string, key: string): Own => {
  try {
    createSecureContext(own)
    return own
  } catch (error) {
    if (/ENCRYPTED/.test(String(own.key))) {
      return refuse(
        own.passphrase === undefined
          ? `sslkey ${key} is encrypted, and there is no sslpassword`
          : `sslkey ${key} cannot be read: sslpassword does not open it`
      )
    }
    return refuse(`sslcert ${cert} and sslkey ${key} cannot be used: ${(error as NodeJS.ErrnoException).code}`)
  }
}

const revoked = (
  said: (name: string) => string | undefined,
  home: string | undefined
): Pick<ConnectionOptions, "crl"> => {
  const directory = said("sslcrldir")
  const file = said("sslcrl") ?? (directory === undefined ? defaultFile(home, "root.crl") : undefined)
  const lists = file === undefined ? [] : [read("sslcrl", file)]
  if (directory !== undefined) {
    try {
      for (const name of readdirSync(directory)) lists.push(read("sslcrldir", join(directory, name)))
    } catch (error) {
      return refuse(`sslcrldir ${directory} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`)
    }
  }
  return lists.length === 0 ? {} : { crl: lists }
}

/**
 * libpq's modes: only `verify-ca` and `verify-full` look at the certificate, and `require` does (as `verify-ca`) if it
 * is told which authorities have to sign it. If none are told, those that this Node trusts will do.
 */
export const tlsOf = (parameters: Parameters, home: string | undefined): Tls => {
  const said = (name: string): string | undefined => {
    const value = parameters.get(name)
    return value === "" ? undefined : value
  }
  const rootcert = said("sslrootcert") ?? defaultFile(home, "root.crt")
  const asked = said("sslmode") ?? (rootcert === "system" ? "verify-full" : "prefer")
  if (!isMode(asked)) return refuse(`the database URL has an unknown sslmode "${asked}"`)
  if (rootcert === "system" && asked !== "verify-full") {
    return refuse(`sslrootcert=system goes with sslmode=verify-full, not with ${asked}`)
  }
  if (asked === "disable") return { ssl: false, sslOptional: false }
  const mode = asked === "require" && rootcert !== undefined ? "verify-ca" : asked
  const minimum = said("ssl_min_protocol_version")
  const maximum = said("ssl_max_protocol_version")
  const common: ConnectionOptions = {
    ...ownCertificate(said, home),
    ...(said("sslsni") === "0" ? { servername: "" } : {}),
    ...(minimum === undefined ? {} : { minVersion: version("ssl_min_protocol_version", minimum) }),
    ...(maximum === undefined ? {} : { maxVersion: version("ssl_max_protocol_version", maximum) })
  }
  switch (mode) {
    case "allow":
    case "prefer":
      return { ssl: { ...common, rejectUnauthorized: false }, sslOptional: true }
    case "require":
    case "no-verify":
      return { ssl: { ...common, rejectUnauthorized: false }, sslOptional: false }
    case "verify-ca":
    case "verify-full": {
      const ssl = { ...common, ...authorities(rootcert), ...revoked(said, home) }
      return {
        ssl: mode === "verify-full" ? ssl : { ...ssl, checkServerIdentity: () => undefined },
        sslOptional: false
      }
    }
  }
}
