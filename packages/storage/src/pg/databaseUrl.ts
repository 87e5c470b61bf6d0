import type { ConnectionOptions } from "node:tls"
import { StoreUnavailable } from "../StoreError.ts"

/** Which servers will do: as libpq, of which Tusk takes those modes that can write. */
export type SessionAttrs = "any" | "read-write" | "primary"

export interface FromUrl {
  hosts?: ReadonlyArray<string>
  ports?: ReadonlyArray<number | undefined>
  user?: string
  password?: string
  database?: string
  applicationName?: string
  connectTimeoutMs?: number
  targetSessionAttrs?: SessionAttrs
  ssl?: false | ConnectionOptions
  sslOptional?: boolean
}

export const refuse = (message: string): never => {
  throw new StoreUnavailable({ message })
}

/** libpq's modes: only `verify-ca` and `verify-full` look at the certificate. */
export const sslMode = (mode: string): { readonly ssl: false | ConnectionOptions; readonly sslOptional: boolean } => {
  switch (mode) {
    case "disable":
      return { ssl: false, sslOptional: false }
    case "allow":
    case "prefer":
      return { ssl: { rejectUnauthorized: false }, sslOptional: true }
    case "require":
    case "no-verify":
      return { ssl: { rejectUnauthorized: false }, sslOptional: false }
    case "verify-ca":
      return { ssl: { checkServerIdentity: () => undefined }, sslOptional: false }
    case "verify-full":
      return { ssl: {}, sslOptional: false }
    default:
      return refuse(`the database URL has an unknown sslmode "${mode}"`)
  }
}

const sessionAttrs = (value: string): SessionAttrs =>
  value === "any" || value === "read-write" || value === "primary"
    ? value
    : refuse(`target_session_attrs "${value}" will not do: Tusk writes, and takes any, read-write or primary`)

const parsePort = (text: string): number | undefined => {
  if (text === "") return undefined
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : refuse(`"${text}" is no port of a database URL`)
}

const UNREADABLE = "the database URL cannot be read: it looks like postgres://user:password@host:5432/database"

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse("the database URL holds a % that is no escape")
  }
}

/** `name`, `name:port`, `[version 6]:port` or an escaped folder of a unix socket; comma between several. */
const parseHosts = (authority: string): Pick<FromUrl, "hosts" | "ports"> => {
  const hosts: Array<string> = []
  const ports: Array<number | undefined> = []
  for (const place of authority.split(",")) {
    const parts = /^(?:\[([^\]]*)\]|([^:[\]\s@]*))(?::([^:]*))?$/.exec(place)
    if (parts === null) return refuse(UNREADABLE)
    hosts.push(parts[1] ?? decode(parts[2]!))
    ports.push(parsePort(parts[3] ?? ""))
  }
  return authority === "" ? {} : { hosts, ports }
}

const setParameter = (found: FromUrl, key: string, value: string): void => {
  switch (key) {
    case "host":
      found.hosts = value.split(",")
      return
    case "port":
      found.ports = value.split(",").map(parsePort)
      return
    case "user":
      found.user = value
      return
    case "password":
      found.password = value
      return
    case "dbname":
      found.database = value
      return
    case "application_name":
      found.applicationName = value
      return
    case "connect_timeout":
      if (Number(value) > 0) found.connectTimeoutMs = Number(value) * 1000
      return
    case "target_session_attrs":
      found.targetSessionAttrs = sessionAttrs(value)
      return
    case "sslmode":
      Object.assign(found, sslMode(value))
  }
}

/** Reads `postgres://` as libpq does: throws `StoreUnavailable` with a line that does not repeat the password. */
export const parseUrl = (raw: string): FromUrl => {
  const protocol = /^([a-z][a-z0-9+.-]*):\/\//i.exec(raw)?.[1]
  if (protocol === undefined) return refuse(UNREADABLE)
  if (protocol !== "postgres" && protocol !== "postgresql") {
    return refuse(`the database URL begins with ${protocol}:// instead of postgres://`)
  }
  const rest = raw.slice(protocol.length + 3)
  const authority = rest.slice(0, /[/?#]|$/.exec(rest)!.index)
  const at = authority.lastIndexOf("@")
  let url: URL
  try {
    // Several hosts are good for libpq and none for the standard's parser.
    url = new URL(`postgres://${at < 0 ? "" : authority.slice(0, at + 1)}host${rest.slice(authority.length)}`)
  } catch {
    return refuse(UNREADABLE)
  }
  const found: FromUrl = parseHosts(authority.slice(at + 1))
  if (url.username !== "") found.user = decode(url.username)
  if (url.password !== "") found.password = decode(url.password)
  const database = decode(url.pathname.replace(/^\//, ""))
  if (database !== "") found.database = database
  for (const [key, value] of url.searchParams) if (value !== "") setParameter(found, key, value)
  return found
}
