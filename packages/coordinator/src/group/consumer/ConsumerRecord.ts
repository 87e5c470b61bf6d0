import * as Result from "effect/Result"
import * as Read from "../machine/RecordFields.ts"
import type { Assigned, MemberState, PersistedGroup, PersistedMember } from "./ConsumerGroupState.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
/** A longer text is not parsed. */
const MAX_CHARACTERS = 32 * 1024 * 1024

const STATES: ReadonlyArray<MemberState> = ["Stable", "UnrevokedPartitions", "UnreleasedPartitions"]

/** A group's own row: all but its members. */
export interface GroupRecord {
  readonly group: PersistedGroup
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
}

export const encodeGroup = ({ group, savedAtMs }: GroupRecord): string =>
  JSON.stringify({ version: VERSION, savedAtMs, ...group })

/** What `encodeGroup` wrote, or why it cannot be that. */
export const decodeGroup = (value: string): Result.Result<GroupRecord, string> =>
  Read.reading(value, MAX_CHARACTERS, (json) => {
    const record = Read.object(json, "group")
    Read.version(record, VERSION)
    return {
      savedAtMs: Read.integer(record["savedAtMs"], "savedAtMs"),
      group: {
        groupEpoch: Read.integer(record["groupEpoch"], "groupEpoch"),
        assignmentEpoch: Read.integer(record["assignmentEpoch"], "assignmentEpoch"),
        metadataHash: Read.integer(record["metadataHash"], "metadataHash")
      }
    }
  })

/** A member's row. Partitions stand with their epochs, two numbers each, by topic id. */
export const encodeMember = ({
  assigned,
  classic,
  memberId: _key,
  pendingRevocation,
  ...rest
}: PersistedMember): string =>
  JSON.stringify({
    version: VERSION,
    ...rest,
    assigned: pairs(assigned),
    pendingRevocation: pairs(pendingRevocation),
    classic: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      protocols: classic.protocols.map(({ metadata, name }) => ({ name, metadata: Read.toBase64(metadata) }))
    }
  })

/** What `encodeMember` wrote, or why it cannot be that. */
export const decodeMember = (memberId: string, value: string): Result.Result<PersistedMember, string> =>
  Read.reading(value, MAX_CHARACTERS, (json): PersistedMember => {
    const record = Read.object(json, "member")
    Read.version(record, VERSION)
    const text = (name: string) => Read.string(record[name], name)
    const integer = (name: string) => Read.integer(record[name], name)
    const nullable = (name: string) => Read.nullable(record[name], name)
    const { classic } = record
    const terms = classic === null ? null : Read.object(classic, "classic")
    const names = Read.array(record["subscribedTopicNames"], "subscribedTopicNames")
    return {
      memberId,
      instanceId: nullable("instanceId"),
      rackId: nullable("rackId"),
      clientId: text("clientId"),
      clientHost: text("clientHost"),
      rebalanceTimeoutMs: integer("rebalanceTimeoutMs"),
      subscribedTopicNames: names.map((name) => Read.string(name, "topic")),
      subscribedTopicRegex: text("subscribedTopicRegex"),
      serverAssignor: nullable("serverAssignor"),
      memberEpoch: integer("memberEpoch"),
      previousMemberEpoch: integer("previousMemberEpoch"),
      state: Read.oneOf(STATES, record["state"], "state"),
      assigned: toAssigned(record["assigned"], "assigned"),
      pendingRevocation: toAssigned(record["pendingRevocation"], "pendingRevocation"),
      classic: terms && {
        sessionTimeoutMs: Read.integer(terms["sessionTimeoutMs"], "sessionTimeoutMs"),
        protocols: Read.array(terms["protocols"], "protocols").map((value) => {
          const protocol = Read.object(value, "protocol")
          return { name: Read.string(protocol["name"], "name"), metadata: Read.bytes(protocol["metadata"], "metadata") }
        })
      }
    }
  })

const pairs = (assigned: Assigned) =>
  Object.fromEntries(Array.from(assigned, ([topicId, partitions]) => [topicId, Array.from(partitions).flat()]))

const toAssigned = (value: unknown, name: string): Assigned => {
  const assigned = new Map<string, Map<number, number>>()
  for (const [topicId, list] of Object.entries(Read.object(value, name))) {
    const numbers = Read.array(list, name)
    const partitions = new Map<number, number>()
    for (let i = 0; i < numbers.length; i += 2) {
      partitions.set(Read.integer(numbers[i], name), Read.integer(numbers[i + 1], name))
    }
    assigned.set(topicId, partitions)
  }
  return assigned
}
