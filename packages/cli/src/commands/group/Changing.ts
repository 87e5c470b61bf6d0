/** `tusk group reset-offsets`, `delete` and `delete-offsets`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { CliError, UsageError } from "../../CliError.ts"
import { alterShareOffsets, commitOffsets, deleteOffsets, deleteShareOffsets } from "@tusk/client/admin/GroupOffsets"
import { deleteGroup, findGroup } from "@tusk/client/admin/Groups"
import { Refused } from "@tusk/client/ClientError"
import type { TopicPartition } from "@tusk/client/Metadata"
import { note, printRows } from "../../terminal/Printing.ts"
import { parseReset, parseScope } from "../../values/Reset.ts"
import type { TopicScope } from "../../values/Reset.ts"
import { listFlag, switchFlag, valueOf, withClient } from "../CommonFlags.ts"
import { each } from "../each.ts"
import { partitionsOf } from "../places.ts"
import { topicsNamed } from "../topicsNamed.ts"
import { offsetsOfGroup } from "./lag.ts"
import { newOffsets } from "./resetting.ts"

const scopesFlag = listFlag("topic", "TOPIC[:0,1]", "these partitions, or all of a topic")

/** The partitions that `--topic` names. */
const scoped = (texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const scopes: Array<TopicScope> = []
    for (const text of texts) scopes.push(yield* valueOf(parseScope(text)))
    const topics = yield* topicsNamed(scopes.map(({ topic }) => topic))
    return scopes.flatMap(({ partitions, topic }): ReadonlyArray<TopicPartition> =>
      partitions === undefined
        ? partitionsOf(topics.filter(({ name }) => name === topic))
        : partitions.map((partition) => ({ topic, partition }))
    )
  })

/** Only a group without members lets itself be changed: they would go on from where they are. */
const INACTIVE: ReadonlySet<string> = new Set(["Empty", "Dead"])

const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const reset = Command.make(
  "reset-offsets",
  {
    group: Argument.String("group"),
    topics: scopesFlag,
    allTopics: switchFlag("all-topics", "every topic that the group has offsets of"),
    toEarliest: switchFlag("to-earliest", "to where the log begins"),
    toLatest: switchFlag("to-latest", "to the end"),
    toCurrent: switchFlag("to-current", "to where it is: commits that anew"),
    toOffset: optional("to-offset", "N", "to an offset"),
    toDatetime: optional("to-datetime", "TIME", "to the first record at or after 2026-01-31T12:00:00Z or @MS"),
    shiftBy: optional("shift-by", "N", "so many records on, or back if negative (--shift-by=-10)"),
    byDuration: optional("by-duration", "TIME", "to the first record of the last PT1H, or 1h"),
    execute: switchFlag("execute", "do it; without it only what would be done is printed"),
    dryRun: switchFlag("dry-run", "only print what would be done: the default")
  },
  Effect.fn(function* (flags) {
    const { allTopics, dryRun, execute, group, topics } = flags
    const target = yield* valueOf(parseReset(flags, yield* Clock.currentTimeMillis))
    if (dryRun && execute) return yield* new UsageError({ message: "--dry-run or --execute, not both" })
    if (allTopics === topics.length > 0) return yield* new UsageError({ message: "give --topic or --all-topics" })
    const listed = (yield* findGroup(group)) ?? { group, type: "classic" as const, state: "Dead" }
    if (listed.state !== null && !INACTIVE.has(listed.state)) {
      return yield* new CliError({ message: `group ${group} is ${listed.state}: it has to be without members first` })
    }
    const current = yield* offsetsOfGroup(listed)
    const places = allTopics ? current : yield* scoped(topics)
    const offsets = yield* newOffsets(target, places, current)
    if (execute && offsets.length > 0) {
      yield* listed.type === "share"
        ? alterShareOffsets(group, offsets)
        : commitOffsets({ group, generation: -1, memberId: "" }, offsets)
    }
    yield* printRows(
      [
        { title: "GROUP", of: (row) => row.group },
        { title: "TOPIC", of: ({ topic }) => topic },
        { title: "PARTITION", of: ({ partition }) => partition, right: true },
        { title: "NEW-OFFSET", of: ({ offset }) => offset, right: true }
      ],
      offsets.map(({ offset, partition, topic }) => ({ group, topic, partition, offset }))
    )
    if (!execute) yield* note("Nothing is changed: --execute does it.")
  }, withClient)
).pipe(
  Command.withDescription("Takes a group without members to other offsets"),
  Command.withExamples([
    { command: "tusk group reset-offsets billing --topic orders --to-earliest", description: "What would be done" },
    { command: "tusk group reset-offsets billing --all-topics --by-duration 1h --execute" }
  ])
)

const remove = Command.make(
  "delete",
  { groups: Argument.String("group").pipe(Argument.atLeast(1)) },
  Effect.fn(function* ({ groups }) {
    yield* each(
      groups,
      (group) => Effect.as(deleteGroup(group), { group }),
      (gone) => printRows([{ title: "DELETED", of: ({ group }) => group }], gone)
    )
  }, withClient)
).pipe(
  Command.withDescription("Deletes groups without members, with their offsets"),
  Command.withExamples([{ command: "tusk group delete billing", description: "It does not ask again" }])
)

const GROUP_ID_NOT_FOUND = 69

const removeOffsets = Command.make(
  "delete-offsets",
  { group: Argument.String("group"), topics: scopesFlag },
  Effect.fn(function* ({ group, topics }) {
    if (topics.length === 0) return yield* new UsageError({ message: "give --topic" })
    const listed = yield* findGroup(group)
    if (listed === undefined) {
      return yield* new Refused({
        code: GROUP_ID_NOT_FOUND,
        subject: `group ${group}`,
        detail: "there is no such group"
      })
    }
    const places = yield* scoped(topics)
    const names = [...new Set(places.map(({ topic }) => topic))]
    yield* listed.type === "share" ? deleteShareOffsets(group, names) : deleteOffsets(group, places)
    yield* printRows(
      [
        { title: "TOPIC", of: ({ topic }) => topic },
        { title: "PARTITION", of: ({ partition }) => partition, right: true }
      ],
      places
    )
  }, withClient)
).pipe(
  Command.withDescription("Makes a group forget its offsets of topics that it does not read any more"),
  Command.withExamples([{ command: "tusk group delete-offsets billing --topic orders" }])
)

/** Commands that change groups. */
export const changing = [reset, remove, removeOffsets] as const
