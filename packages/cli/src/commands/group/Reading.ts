/** `tusk group list` and `describe`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { describeGroup, GROUP_TYPES, listGroups } from "@tusk/client/admin/Groups"
import type { AssignedTopic, GroupDescription } from "@tusk/client/admin/Groups"
import { outputFormat, printRows } from "../../terminal/Printing.ts"
import { Streams } from "../../terminal/Streams.ts"
import type { Column } from "../../terminal/Table.ts"
import { switchFlag, withClient } from "../CommonFlags.ts"
import { groupPositions } from "./lag.ts"
import type { GroupPosition } from "./lag.ts"

const list = Command.make(
  "list",
  {
    types: Flag.Literals("type", GROUP_TYPES).pipe(
      Flag.withMetavar("TYPE"),
      Flag.withDescription("only groups of this kind (may be given several times)"),
      Flag.atLeast(0)
    ),
    states: Flag.String("state").pipe(
      Flag.withMetavar("STATE"),
      Flag.withDescription("only groups in this state, such as Empty (may be given several times)"),
      Flag.atLeast(0)
    )
  },
  Effect.fn(function* ({ states, types }) {
    const wanted = new Set(states.map((state) => state.toLowerCase()))
    const groups = (yield* listGroups).filter(
      ({ state, type }) =>
        (types.length === 0 || types.includes(type)) && (wanted.size === 0 || wanted.has((state ?? "").toLowerCase()))
    )
    yield* printRows(
      [
        { title: "GROUP", of: ({ group }) => group },
        { title: "TYPE", of: ({ type }) => type },
        { title: "PROTOCOL", of: ({ protocol }) => protocol },
        { title: "STATE", of: ({ state }) => state }
      ],
      groups
    )
  }, withClient)
).pipe(
  Command.withDescription("Lists the groups, of all kinds"),
  Command.withExamples([{ command: "tusk group list --type share --type consumer", description: "Only some kinds" }])
)

const assignmentText = (topics: ReadonlyArray<AssignedTopic>): string | null =>
  topics.map(({ partitions, topic }) => `${topic}(${partitions.join(",")})`).join(" ") || null

type Section = "state" | "members" | "offsets"

const sectionColumns = {
  state: [
    { title: "GROUP", of: ({ group }) => group },
    { title: "TYPE", of: ({ type }) => type },
    { title: "STATE", of: ({ state }) => state },
    { title: "EPOCH", of: ({ epoch }) => epoch, right: true },
    { title: "ASSIGNOR", of: ({ assignor }) => assignor },
    { title: "MEMBERS", of: ({ members }) => members.length, right: true }
  ] satisfies ReadonlyArray<Column<GroupDescription>>,
  members: [
    { title: "GROUP", of: ({ group }) => group },
    { title: "MEMBER", of: ({ memberId }) => memberId },
    { title: "INSTANCE", of: ({ instanceId }) => instanceId },
    { title: "CLIENT", of: ({ clientId }) => clientId },
    { title: "HOST", of: ({ host }) => host },
    { title: "ASSIGNMENT", of: ({ assignment }) => assignmentText(assignment) }
  ] satisfies ReadonlyArray<Column<GroupDescription["members"][number] & { readonly group: string }>>,
  offsets: [
    { title: "GROUP", of: ({ group }) => group },
    { title: "TOPIC", of: ({ topic }) => topic },
    { title: "PARTITION", of: ({ partition }) => partition, right: true },
    { title: "OFFSET", of: ({ offset }) => offset, right: true },
    { title: "END", of: ({ end }) => end, right: true },
    { title: "LAG", of: ({ lag }) => lag, right: true },
    { title: "MEMBER", of: ({ memberId }) => memberId },
    { title: "CLIENT", of: ({ clientId }) => clientId },
    { title: "HOST", of: ({ host }) => host }
  ] satisfies ReadonlyArray<Column<GroupPosition & { readonly group: string }>>
}

interface Whole extends GroupDescription {
  readonly offsets: ReadonlyArray<GroupPosition>
}

const printSection = (section: Section, groups: ReadonlyArray<Whole>) => {
  switch (section) {
    case "state":
      return printRows(sectionColumns.state, groups)
    case "members":
      return printRows(
        sectionColumns.members,
        groups.flatMap(({ group, members }) => members.map((member) => ({ ...member, group })))
      )
    case "offsets":
      return printRows(
        sectionColumns.offsets,
        groups.flatMap(({ group, offsets }) => offsets.map((position) => ({ ...position, group })))
      )
  }
}

const describe = Command.make(
  "describe",
  {
    groups: Argument.String("group").pipe(Argument.withDescription("all groups if none is named"), Argument.variadic()),
    state: switchFlag("state", "only the state: kind, epoch, what assigns"),
    members: switchFlag("members", "only the members and what they have"),
    offsets: switchFlag("offsets", "only offsets and lag; all that --output plain has if nothing else is asked for")
  },
  Effect.fn(function* (flags) {
    const names = flags.groups.length > 0 ? flags.groups : (yield* listGroups).map(({ group }) => group)
    const groups = yield* Effect.forEach(names, (name) =>
      Effect.gen(function* () {
        const found = yield* describeGroup(name)
        return { ...found, offsets: yield* groupPositions(found) } satisfies Whole
      })
    )
    const format = yield* outputFormat
    if (format === "json") return yield* printRows([], groups)
    const asked = (["state", "members", "offsets"] as const).filter((section) => flags[section])
    const sections = asked.length > 0 ? asked : format === "plain" ? (["offsets"] as const) : ALL
    const { stdout } = yield* Streams
    const filled = sections.filter((section) => section === "state" || groups.some((each) => each[section].length > 0))
    for (const [i, section] of filled.entries()) {
      if (i > 0 && format === "table") yield* stdout.write("\n")
      yield* printSection(section, groups)
    }
  }, withClient)
).pipe(
  Command.withDescription("Tells a group's state, members, offsets and lag"),
  Command.withExamples([
    { command: "tusk group describe billing", description: "All of one group" },
    { command: "tusk group describe --offsets --output plain | sort -n -k6", description: "Of all groups, by lag" }
  ])
)

const ALL: ReadonlyArray<Section> = ["state", "members", "offsets"]

/** Commands that change nothing. */
export const reading = [list, describe] as const
