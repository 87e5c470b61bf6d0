/** Rooms stand in a line within a package, too: a folder imports itself and what its package's table names. */
import type { House } from "../Sources.ts"
import { isSrc } from "../Sources.ts"

/** Folder, or file of the package's root -> what it may import; `.` are the other files of the root. */
export type Table = Readonly<Record<string, ReadonlyArray<string>>>

const kinds = ["assignor", "group/machine"]
const logParts = ["log/append", "log/batches", "log/objects", "log/partitions", "log/read", "log/removal", "log/search"]
/** Who gets in, who may do what, and how much. */
const security = ["security/acl", "security/quota", "security/sasl", "security/tls", "security/token"]
const services = ["config", "request"]

/** What a package may import of another one is lint's (`no-restricted-imports`). */
export const TABLES: Readonly<Record<string, Table>> = {
  protocol: {
    errors: [],
    "KafkaError.ts": ["errors"],
    "ProtocolError.ts": [],
    codec: ["ProtocolError.ts"],
    messages: ["codec"],
    embedded: ["codec", "ProtocolError.ts"],
    record: ["KafkaError.ts", "ProtocolError.ts"],
    ".": ["codec", "messages", "record", "KafkaError.ts", "ProtocolError.ts"]
  },
  client: {
    ".": [],
    security: ["."],
    admin: [".", "security"],
    produce: ["."],
    consume: [".", "admin"]
  },
  storage: {
    ".": [],
    port: ["."],
    "within.ts": ["port"],
    writes: ["port"],
    commit: [".", "writes", "port"],
    topics: [".", "commit", "port"],
    offsets: [".", "commit", "port"],
    groups: [".", "commit", "port"],
    transactions: [".", "commit", "port"],
    security: [".", "commit", "port"],
    "log/batches": ["."],
    "log/partitions": [".", "commit", "port"],
    "log/read": [".", "log/partitions", "port"],
    "log/objects": [".", "commit", "port"],
    "log/append": [".", "log/objects", "log/partitions", "commit", "port"],
    "log/removal": [".", "log/partitions", "commit", "port"],
    "log/search": [".", "log/batches", "log/partitions", "port"],
    log: [".", "within.ts", ...logParts, "commit", "port"],
    "log/retention": [".", "log", "topics", "commit", "port"],
    "log/tiering": [".", "log", "log/objects", "log/partitions", "log/rewriting", "topics", "commit", "port"],
    "log/rewriting": [".", "log", "log/batches", "log/objects", "commit", "port"],
    "log/merging": [".", "log/objects", "log/rewriting", "commit", "port"],
    "log/compaction": [".", "log", "log/batches", "log/partitions", "log/rewriting", "topics", "commit", "port"],
    "log/erase": [".", "log", "log/batches", "log/follower", "log/rewriting", "topics", "commit", "port"],
    "log/follower": [".", "log", "log/batches", "log/partitions", "topics", "commit", "port"],
    "deletions.ts": ["topics", "offsets", "groups", "log", "commit"],
    memory: ["writes", "port"],
    "object/memory": ["port"],
    "object/file": [".", "port"],
    "object/cache": [".", "object/file", "port"],
    sql: [],
    "sql.ts": ["sql"],
    "pg/sql": [],
    "pg/options": [".", "port"],
    "pg/connection": ["pg/options", "port"],
    "pg/schema": ["pg/options", "pg/sql", "pg/connection", "port"],
    "pg/PgStore": [".", "pg/options", "pg/schema", "pg/sql", "pg/connection", "writes", "port"],
    pg: ["pg/options", "pg/schema", "pg/sql", "pg/connection", "pg/PgStore", "port"],
    "object/s3": ["port"],
    testing: ["port"]
  },
  coordinator: {
    assignor: [],
    "group/machine": [],
    "group/classic": kinds,
    "group/consumer": kinds,
    "group/share": kinds,
    "group/streams": kinds,
    "group/shell": [...kinds, "group/classic", "group/consumer", "group/share", "group/streams"],
    "transaction/machine": ["group/machine"],
    "transaction/shell": ["transaction/machine", "group/machine"]
  },
  server: {
    config: [],
    request: ["config"],
    produce: [...services, "topics"],
    "security/quota": services,
    fetch: [...services, "security/quota"],
    share: [...services, "fetch"],
    topics: services,
    groups: services,
    transactions: [...services, "topics"],
    outbox: [...services, "topics"],
    publish: services,
    shadow: services,
    telemetry: services,
    observe: [...services, "telemetry"],
    admin: ["observe"],
    objects: services,
    "security/acl": services,
    "security/sasl": services,
    "security/tls": services,
    "security/token": [...services, "security/sasl"],
    handlers: [...services, ...security, "produce", "fetch", "share", "topics", "groups", "transactions", "telemetry"],
    net: [...services, ...security, "handlers", "observe"],
    ".": [
      ...services,
      ...security,
      "produce",
      "fetch",
      "share",
      "topics",
      "groups",
      "objects",
      "outbox",
      "publish",
      "shadow",
      "handlers",
      "net",
      "observe",
      "admin",
      "telemetry"
    ],
    testing: [".", "config"]
  },
  cli: {
    ".": ["log"],
    log: [],
    "embedded-postgres": ["."],
    terminal: ["."],
    telemetry: ["."],
    doctor: ["."],
    backup: ["."],
    values: ["."],
    import: [],
    commands: [".", "embedded-postgres", "log", "telemetry", "terminal", "doctor", "backup", "values", "import"],
    "main.ts": [".", "commands"]
  },
  test: { ".": [] },
  simulation: { ".": [] }
}

/** Folders whose files do not import each other, and which of their files are lists, that import them all. */
const APART: ReadonlyMap<string, RegExp> = new Map([
  ["packages/protocol/src/messages", /^index\.ts$/],
  ["packages/server/src/handlers", /^(index|ApiTable|RightsTable)\.ts$/]
])

/** Both lie in a folder whose files stand apart, and the first is no list. */
const isSideways = (from: string, to: string): boolean => {
  const end = from.lastIndexOf("/")
  const folder = from.slice(0, end)
  const lists = APART.get(folder)
  return lists !== undefined && to.startsWith(`${folder}/`) && !lists.test(from.slice(end + 1))
}

const split = (path: string): { readonly room: string; readonly inside: string } => {
  const [, room, , ...inside] = path.split("/")
  return { room: room!, inside: inside.join("/") }
}

/** The entry of the table that a file lies in, the longest that fits. */
export const entryOf = (table: Table, inside: string): string | undefined => {
  for (let path = inside; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    if (path in table) return path
  }
  return "." in table && !inside.includes("/") ? "." : undefined
}

const isAllowed = (from: string, to: string): boolean => {
  const { inside, room } = split(from)
  const other = split(to)
  if (room !== other.room) return true
  if (isSideways(from, to)) return false
  const table = TABLES[room] ?? {}
  const entry = entryOf(table, inside)
  const target = entryOf(table, other.inside)
  return entry !== undefined && target !== undefined && (entry === target || table[entry]!.includes(target))
}

/** Imports that no table allows, `from -> to`. */
export const backArrows = ({ sources }: House): ReadonlySet<string> =>
  new Set(
    sources
      .filter(({ path }) => isSrc(path))
      .flatMap(({ imports, path }) =>
        imports.flatMap(({ from }) =>
          from !== undefined && isSrc(from) && !isAllowed(path, from) ? [`${path} -> ${from}`] : []
        )
      )
  )

/** Entries of a table from which its own arrows lead back, and entries that no file lies in. */
export const brokenTables = ({ sources }: House): ReadonlyArray<string> =>
  Object.entries(TABLES).flatMap(([room, table]) => {
    const leadsTo = (entry: string, goal: string, seen: Set<string>): boolean =>
      table[entry]!.some((next) => {
        if (next === goal) return true
        if (seen.has(next)) return false
        seen.add(next)
        return leadsTo(next, goal, seen)
      })
    const files = sources.filter(({ path }) => path.startsWith(`packages/${room}/src/`))
    const filled = new Set(files.map(({ path }) => entryOf(table, split(path).inside)))
    return Object.keys(table).flatMap((entry) => [
      ...(leadsTo(entry, entry, new Set()) ? [`${room}: ${entry} leads back to itself`] : []),
      ...(filled.has(entry) ? [] : [`${room}: ${entry} is empty`])
    ])
  })
