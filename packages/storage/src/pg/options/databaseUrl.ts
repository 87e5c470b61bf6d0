import { StoreUnavailable } from "../../port/StoreError.ts"

/** What was said of a connection, by libpq's names: https://www.postgresql.org/docs/current/libpq-connect.html */
export type Parameters = ReadonlyMap<string, string>

export const refuse = (message: string): never => {
  throw new StoreUnavailable({ message })
}

const UNREADABLE =
  "the database URL cannot be read: it looks like postgres://user:password@host:5432/database, with % escapes for / ? # @ and % in a password"

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse("the database URL holds a % that is no escape")
  }
}

/** `name`, `name:port`, `[version 6]:port` or an escaped folder of a unix socket; comma between several. */
const readHosts = (authority: string, found: Map<string, string>): void => {
  if (authority === "") return
  const hosts: Array<string> = []
  const ports: Array<string> = []
  for (const place of authority.split(",")) {
    const parts = /^(?:\[([^\]]*)\]|([^:[\]\s@]*))(?::([^:]*))?$/.exec(place)
    if (parts === null) return refuse(UNREADABLE)
    hosts.push(parts[1] ?? decode(parts[2]!))
    ports.push(parts[3] ?? "")
  }
  found.set("host", hosts.join(","))
  if (ports.some((port) => port !== "")) found.set("port", ports.join(","))
}

/** Reads `postgres://` as libpq does: throws `StoreUnavailable` with a line that repeats nothing of a password. */
export const parseUrl = (raw: string): Parameters => {
  const protocol = /^([a-z][a-z0-9+.-]*):\/\//i.exec(raw)?.[1]
  if (protocol === undefined) return refuse(UNREADABLE)
  if (protocol !== "postgres" && protocol !== "postgresql") {
    return refuse(`the database URL begins with ${protocol}:// instead of postgres://`)
  }
  const rest = raw.slice(protocol.length + 3)
  // libpq knows no fragment, and nothing is to be cut off in silence.
  if (rest.includes("#")) return refuse(UNREADABLE)
  const authority = rest.slice(0, /[/?]|$/.exec(rest)!.index)
  const [path, ...queries] = rest.slice(authority.length).split("?")
  const query = queries.join("?")
  const pairs = query === "" ? [] : query.split("&").map((pair) => pair.split("="))
  const at = authority.lastIndexOf("@")
  // The rest of a password that holds a / or a ? would be taken for a name, and shown.
  if (at < 0 && (path!.includes("@") || pairs.some(([key]) => key!.includes("@")))) return refuse(UNREADABLE)
  const found = new Map<string, string>()
  readHosts(authority.slice(at + 1), found)
  if (at >= 0) {
    const [user, ...password] = authority.slice(0, at).split(":")
    if (user !== "") found.set("user", decode(user!))
    if (password.length > 0) found.set("password", decode(password.join(":")))
  }
  if (path!.length > 1) found.set("dbname", decode(path!.slice(1)))
  for (const [key, ...value] of pairs) found.set(decode(key!), decode(value.join("=")))
  return found
}

/** libpq's variables, by the parameter that each stands in for. */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGHOSTADDR: "hostaddr",
  PGPORT: "port",
  PGDATABASE: "dbname",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGPASSFILE: "passfile",
  PGAPPNAME: "application_name",
  PGOPTIONS: "options",
  PGCLIENTENCODING: "client_encoding",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGTARGETSESSIONATTRS: "target_session_attrs",
  PGLOADBALANCEHOSTS: "load_balance_hosts",
  PGCHANNELBINDING: "channel_binding",
  PGREQUIREAUTH: "require_auth",
  PGREQUIREPEER: "requirepeer",
  PGGSSENCMODE: "gssencmode",
  PGSERVICE: "service",
  PGSSLMODE: "sslmode",
  PGREQUIRESSL: "requiressl",
  PGSSLNEGOTIATION: "sslnegotiation",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGSSLCERTMODE: "sslcertmode",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCRL: "sslcrl",
  PGSSLCRLDIR: "sslcrldir",
  PGSSLSNI: "sslsni",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version"
}

export const ofEnvironment = (environment: Readonly<Record<string, string | undefined>>): Parameters => {
  const found = new Map<string, string>()
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const value = environment[variable]
    if (value !== undefined && value !== "") found.set(name, value)
  }
  return found
}
