import type * as Result from "effect/Result"
import { array, bytes, integer, nullable, object, reading, string, toBase64, version } from "../machine/RecordFields.ts"
import type { MemberProtocol, PersistedGroup, PersistedMember } from "./ClassicGroupState.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
/** A longer text is not parsed: 32 MiB of metadata and as much of assignments in base64, with room for names. */
const MAX_CHARACTERS = 128 * 1024 * 1024

/** A group as it lies in the store. */
export interface GroupRecord {
  readonly group: PersistedGroup
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
}

/** To JSON; metadata and assignments are opaque bytes, in base64. */
export const encode = ({ group, savedAtMs }: GroupRecord): string =>
  JSON.stringify({
    version: VERSION,
    savedAtMs,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId,
    members: group.members.map((member) => ({
      ...member,
      protocols: member.protocols.map(({ name, metadata }) => ({ name, metadata: toBase64(metadata) })),
      assignment: toBase64(member.assignment)
    }))
  })

/** What `encode` wrote, or why it cannot be that. */
export const decode = (value: string): Result.Result<GroupRecord, string> =>
  reading(value, MAX_CHARACTERS, (json) => {
    const record = object(json, "group")
    version(record, VERSION)
    return {
      savedAtMs: integer(record["savedAtMs"], "savedAtMs"),
      group: {
        generationId: integer(record["generationId"], "generationId"),
        protocolType: nullable(record["protocolType"], "protocolType"),
        protocolName: nullable(record["protocolName"], "protocolName"),
        leaderId: nullable(record["leaderId"], "leaderId"),
        members: array(record["members"], "members").map(toMember)
      }
    }
  })

const toMember = (value: unknown): PersistedMember => {
  const member = object(value, "member")
  return {
    memberId: string(member["memberId"], "memberId"),
    groupInstanceId: nullable(member["groupInstanceId"], "groupInstanceId"),
    clientId: string(member["clientId"], "clientId"),
    clientHost: string(member["clientHost"], "clientHost"),
    sessionTimeoutMs: integer(member["sessionTimeoutMs"], "sessionTimeoutMs"),
    rebalanceTimeoutMs: integer(member["rebalanceTimeoutMs"], "rebalanceTimeoutMs"),
    protocols: array(member["protocols"], "protocols").map(toProtocol),
    assignment: bytes(member["assignment"], "assignment")
  }
}

const toProtocol = (value: unknown): MemberProtocol => {
  const protocol = object(value, "protocol")
  return { name: string(protocol["name"], "name"), metadata: bytes(protocol["metadata"], "metadata") }
}
