import { startFlags } from "./Flags.ts"

/** What `tusk --help` says of each command, in this order. A test holds it to the command tree, which costs 100 ms to load. */
export const commandLines: ReadonlyArray<readonly [usage: string, text: string]> = [
  ["start [flags]", "serve"],
  ["topic VERB", "list, describe, create, alter, delete; offsets; delete-records"],
  ["group VERB", "list, describe, reset-offsets, delete, delete-offsets; of all four kinds"],
  ["produce TOPIC", "a record a line, of standard input or a file"],
  ["consume TOPIC", "prints records: from anywhere, as a template or JSON, as a member of a group"],
  ["import --from HOST:PORT", "topics, records at their offsets and offsets of groups, from any Kafka into Tusk"],
  ["config VERB TYPE NAME", "describe, set, unset: configs of topics, brokers, groups, client metrics"],
  ["config print", "every setting of start with its value and where it comes from (takes start's flags)"],
  ["user VERB", "list, add, passwd, remove: who logs in by SCRAM"],
  ["acl VERB", "list, add, remove: who may do what"],
  ["shadow --to HOST:PORT", "forwards the log to another Kafka, with its offsets"],
  ["sql roles", "roles of Postgres for kafka.produce and the like"],
  ["migrate", "bring the schema up to date as one role, so that the broker can run as another"],
  ["backup-check", "whether Tusk would serve from a restored copy of its database"],
  ["object VERB", "adopt, check: objects in which batches lie, whose they are and whether all are there"],
  ["doctor", "what will hurt: of Postgres, its settings and sessions, of Tusk's tables and rights"],
  ["decode HEX|FILE", "a Kafka frame, readable"],
  ["tls self-signed", "a certificate for trying TLS, and what to do with it"]
]

/** The page of `tusk --help`. */
export const help = (): string => {
  const left = Math.max(...commandLines.map(([usage]) => usage.length))
  const width = Math.max(...startFlags.map(({ argument, name }) => name.length + argument.length + 3))
  return [
    "tusk: a Kafka broker in Postgres",
    "",
    ...commandLines.map(([usage, text]) => `tusk ${usage.padEnd(left)}  ${text}`),
    "",
    "topic, group, produce, consume, import, config, user and acl talk to any Kafka: -b HOST:PORT, or TUSK_BOOTSTRAP_SERVER",
    "(127.0.0.1:9092); TLS and logins by --command-config FILE, as Kafka's own tools, or TUSK_COMMAND_CONFIG.",
    "",
    "tusk COMMAND --help       its flags, with examples",
    "tusk --completions SHELL  a script for bash, zsh or fish",
    "tusk --version",
    "",
    "flags of start:",
    ...startFlags.map(({ argument, help: text, name, variable }) => {
      const flag = `--${name} ${argument}`.trimEnd().padEnd(width)
      return `  ${flag}  ${text}${variable === "" ? "" : ` [${variable}]`}`
    }),
    "",
    "in a file each flag is a property: listeners, advertised.listeners, tusk.storage, tusk.database.url, tusk.data.dir …"
  ].join("\n")
}
