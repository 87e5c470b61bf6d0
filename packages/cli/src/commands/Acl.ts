import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { UsageError } from "../CliError.ts"
import { createAcls, deleteAcls, listAcls } from "@tusk/client/admin/Acls"
import type { Acl } from "@tusk/client/admin/Acls"
import { note, printRows } from "../terminal/Printing.ts"
import type { Column } from "../terminal/Table.ts"
import { filtersOf, namesNothing, ruleFlags, rulesOf, shortcutFlags } from "./acl/rules.ts"
import { brokerFlags, listFlag, switchFlag, valueOf, withClient } from "./CommonFlags.ts"

const columns: ReadonlyArray<Column<Acl>> = [
  { title: "RESOURCE", of: ({ resource }) => resource },
  { title: "NAME", of: ({ name }) => name },
  { title: "PATTERN", of: ({ pattern }) => pattern },
  { title: "PERMISSION", of: ({ permission }) => permission },
  { title: "PRINCIPAL", of: ({ principal }) => principal },
  { title: "OPERATION", of: ({ operation }) => operation },
  { title: "HOST", of: ({ host }) => host }
]

const principalsFlag = listFlag("principal", "PRINCIPAL", "what is allowed or denied to this one")

/** Each rule once, though several filters find it. */
const once = (acls: ReadonlyArray<Acl>): ReadonlyArray<Acl> => [
  ...new Map(acls.map((acl) => [JSON.stringify(acl), acl])).values()
]

const list = Command.make(
  "list",
  {
    ...ruleFlags,
    principals: principalsFlag,
    matching: switchFlag("matching", "also rules of beginnings, and of *, that hold for the names")
  },
  Effect.fn(function* (given) {
    const filters = yield* valueOf(filtersOf(given, given.principals, given.matching))
    const found = yield* Effect.forEach(filters, (filter) => listAcls(filter))
    yield* printRows(columns, once(found.flat()))
  }, withClient)
).pipe(
  Command.withDescription("Lists rules: all, or those that the flags name"),
  Command.withExamples([
    { command: "tusk acl list --principal User:alice" },
    { command: "tusk acl list --topic orders --matching", description: "Every rule that holds for a topic" }
  ])
)

const add = Command.make(
  "add",
  { ...ruleFlags, ...shortcutFlags },
  Effect.fn(function* (given) {
    const rules = yield* valueOf(rulesOf(given))
    yield* createAcls(rules)
    yield* printRows(columns, rules)
  }, withClient)
).pipe(
  Command.withDescription("Adds rules: each principal, each operation, each resource"),
  Command.withExamples([
    { command: "tusk acl add --allow User:alice --operation read --topic orders --group billing" },
    {
      command: "tusk acl add --allow User:shop --producer --topic shop. --prefixed",
      description: "All that begins so"
    },
    { command: "tusk acl add --deny User:guest --operation all --topic salaries" }
  ])
)

const remove = Command.make(
  "remove",
  { ...ruleFlags, principals: principalsFlag, all: switchFlag("all", "every rule that there is") },
  Effect.fn(function* (given) {
    const filters = yield* valueOf(filtersOf(given, given.principals))
    if (namesNothing(filters) !== given.all) {
      return yield* new UsageError({ message: given.all ? "--all, or which ones" : "say which ones, or --all" })
    }
    const gone = once(yield* deleteAcls(filters))
    yield* printRows(columns, gone)
    if (gone.length === 0) yield* note("No rule is like that.")
  }, withClient)
).pipe(
  Command.withDescription("Removes the rules that the flags name, and prints them"),
  Command.withExamples([
    { command: "tusk acl remove --principal User:alice", description: "All that is about her; it does not ask again" },
    { command: "tusk acl remove --topic orders --operation write" }
  ])
)

/** `tusk acl`. */
export const aclCommand = Command.make("acl").pipe(
  Command.withDescription("Rules of who may do what (ACLs)"),
  Command.withSubcommands([list, add, remove]),
  Command.withGlobalFlags(brokerFlags)
)
