import { refuse } from "./databaseUrl.ts"
import type { Parameters } from "./databaseUrl.ts"

/** Which servers will do: as libpq, of which Tusk takes those modes that can write. */
export type SessionAttrs = "any" | "read-write" | "primary"

/** What was said of the connection, but for TLS (`tlsOf`). */
export interface Said {
  readonly hosts: ReadonlyArray<string> | undefined
  /** Addresses to dial in the place of the hosts' own. */
  readonly addresses: ReadonlyArray<string> | undefined
  readonly ports: ReadonlyArray<number | undefined> | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly passfile: string | undefined
  readonly database: string | undefined
  readonly applicationName: string | undefined
  readonly connectTimeoutMs: number | undefined
  readonly targetSessionAttrs: SessionAttrs | undefined
  /** Settings of the session, as `-c name=value`; our own come after them. */
  readonly options: string | undefined
}

/** Parameters that are honoured here, or by `tlsOf`, whatever they say. */
const HONOURED = new Set(
  (
    "host hostaddr port dbname user password passfile application_name fallback_application_name connect_timeout options " +
    "target_session_attrs sslmode sslrootcert sslcert sslkey sslpassword sslcrl sslcrldir sslsni " +
    "ssl_min_protocol_version ssl_max_protocol_version"
  ).split(" ")
)

/** Parameters of which Tusk does one thing: the values that ask for just that. All others are refused. */
const ONE_WAY: Readonly<Record<string, ReadonlyArray<string>>> = {
  client_encoding: ["utf8", "utf-8", "unicode", "auto"],
  channel_binding: ["prefer", "disable"],
  gssencmode: ["prefer", "disable"],
  keepalives: ["1"],
  load_balance_hosts: ["disable"],
  requiressl: ["0"],
  sslcertmode: ["allow"],
  sslcompression: ["0"],
  sslnegotiation: ["postgres"]
}

/** libpq's others. */
const REFUSED = new Set(
  (
    "require_auth requirepeer keepalives_idle keepalives_interval keepalives_count tcp_user_timeout replication sslkeylogfile " +
    "krbsrvname gsslib gssdelegation service min_protocol_version max_protocol_version scram_client_key scram_server_key " +
    "oauth_issuer oauth_client_id oauth_client_secret oauth_scope"
  ).split(" ")
)

/** Names every parameter that would have no effect. */
const check = (parameters: Parameters): void => {
  for (const [name, value] of parameters) {
    if (HONOURED.has(name)) continue
    const taken = ONE_WAY[name]
    if (taken?.includes(value.toLowerCase()) === true) continue
    if (taken !== undefined) {
      return refuse(`the database's parameter ${name} is taken as ${taken.join(" or ")} only, and is something else`)
    }
    if (REFUSED.has(name)) return refuse(`Tusk does not know how to do what the database's parameter ${name} says`)
    return refuse(
      /^\w{1,63}$/.test(name)
        ? `the database URL has a parameter ${name}, which neither libpq nor Tusk knows`
        : "the database URL has a parameter that neither libpq nor Tusk knows"
    )
  }
}

const sessionAttrs = (value: string): SessionAttrs =>
  value === "any" || value === "read-write" || value === "primary"
    ? value
    : refuse(`target_session_attrs "${value}" will not do: Tusk writes, and takes any, read-write or primary`)

/** Does not repeat what it cannot read: it may be the beginning of a password. */
const parsePort = (text: string): number | undefined => {
  if (text.trim() === "") return undefined
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : refuse("a port of the database URL is no number")
}

/** Zero and less is "without end" for libpq: here it is the default, as nothing waits without end. */
const timeoutOf = (text: string): number | undefined => {
  const seconds = Number(text)
  if (!Number.isInteger(seconds)) return refuse("connect_timeout of the database URL is no number of seconds")
  return seconds > 0 ? seconds * 1000 : undefined
}

export const readParameters = (parameters: Parameters): Said => {
  check(parameters)
  const one = <A>(name: string, read: (value: string) => A): A | undefined => {
    const value = parameters.get(name)
    return value === undefined || value === "" ? undefined : read(value)
  }
  const list = (value: string): ReadonlyArray<string> => value.split(",")
  const text = (value: string): string => value
  return {
    hosts: one("host", list),
    addresses: one("hostaddr", list),
    ports: one("port", (value) => list(value).map(parsePort)),
    user: one("user", text),
    password: one("password", text),
    passfile: one("passfile", text),
    database: one("dbname", text),
    applicationName: one("application_name", text) ?? one("fallback_application_name", text),
    connectTimeoutMs: one("connect_timeout", timeoutOf),
    targetSessionAttrs: one("target_session_attrs", sessionAttrs),
    options: one("options", text)
  }
}
