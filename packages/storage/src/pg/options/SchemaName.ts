import { createHash } from "node:crypto"
import { refuse } from "./databaseUrl.ts"

/** The schema of a cluster if nothing is said. All SQL is written for it. */
export const DEFAULT_SCHEMA = "kafka"

/** "Tusk": the class of the advisory locks of a cluster in the default schema. Locks are each database's own. */
export const LOCK_CLASS = 0x5475736b

/** Bytes of the longest name that Postgres keeps. */
const MAX_NAME = 63

/** What can stand in texts, function bodies and formats without another meaning. */
const PLAIN = /^[\p{L}\p{N}_-]+(?: [\p{L}\p{N}_-]+)*$/u

/** A name for the schema of a cluster. Throws `StoreUnavailable` with a line that says why it will not do. */
export const readSchemaName = (name: string): string => {
  const no = (why: string) => refuse(`the schema's name ${JSON.stringify(name)} will not do: ${why}`)
  if (Buffer.byteLength(name) > MAX_NAME) return no(`it has more than ${MAX_NAME} bytes`)
  if (!PLAIN.test(name)) return no("letters, digits, _, - and single spaces between them make a name")
  if (/^pg_/i.test(name)) return no("names that begin with pg_ are Postgres' own")
  if (name === "information_schema") return no("it is Postgres' own")
  return name
}

/** A number for what is named by numbers, of 31 bits: another for each schema. */
const numberOf = (schema: string): number => createHash("sha256").update(schema).digest().readUInt32BE(0) >>> 1

/**
 * What of a text means the schema, in code as in string literals and bodies of functions: it is part of a name, the name
 * itself, or made of it. Quoted identifiers, the first, are left as they are: roles may be called anything.
 */
const MEANT =
  /("(?:[^"]|"")*")|to_regnamespace\('kafka'\)|'kafka'::regnamespace|'kafka'|\bschema kafka\b|(?<![\w.$])kafka\.(?=\w)|\bkafka_outbox\b|\bkafka_security\b|\bkafka_erasures\b|\b1416983403\b/g

/** SQL as it is to be for a cluster in a schema: for the default one as it is written. */
export const inSchema = (schema: string): ((sql: string) => string) => {
  if (schema === DEFAULT_SCHEMA) return (sql) => sql
  const quoted = `"${schema}"`
  const number = String(numberOf(schema))
  const meanings: Readonly<Record<string, string>> = {
    "to_regnamespace('kafka')": `to_regnamespace('${quoted}')`,
    "'kafka'::regnamespace": `'${quoted}'::regnamespace`,
    "'kafka'": `'${schema}'`,
    "schema kafka": `schema ${quoted}`,
    "kafka.": `${quoted}.`,
    kafka_outbox: `kafka_outbox_${number}`,
    kafka_security: `kafka_security_${number}`,
    kafka_erasures: `kafka_erasures_${number}`,
    [String(LOCK_CLASS)]: number
  }
  return (sql) => sql.replaceAll(MEANT, (found, identifier?: string) => identifier ?? meanings[found]!)
}
