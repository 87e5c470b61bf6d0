import * as Result from "effect/Result"
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
export const decode = (value: string): Result.Result<GroupRecord, string> => {
  if (value.length > MAX_CHARACTERS) return Result.fail(`${value.length} characters are too many for a group`)
  try {
    const record = object(JSON.parse(value), "group")
    if (record["version"] !== VERSION)
      return Result.fail(`version ${String(record["version"])} of a group is not known`)
    return Result.succeed({
      savedAtMs: integer(record["savedAtMs"], "savedAtMs"),
      group: {
        generationId: integer(record["generationId"], "generationId"),
        protocolType: nullable(record["protocolType"], "protocolType"),
        protocolName: nullable(record["protocolName"], "protocolName"),
        leaderId: nullable(record["leaderId"], "leaderId"),
        members: array(record["members"], "members").map(toMember)
      }
    })
  } catch (error) {
    if (error instanceof Mismatch || error instanceof SyntaxError) return Result.fail(error.message)
    throw error
  }
}

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

/** Never leaves this file. */
class Mismatch extends Error {}

const expected = (what: string, name: string): never => {
  throw new Mismatch(`${name} is not ${what}`)
}
const object = (value: unknown, name: string): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : expected("an object", name)
const array = (value: unknown, name: string): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : expected("an array", name)
const string = (value: unknown, name: string): string => (typeof value === "string" ? value : expected("a text", name))
const nullable = (value: unknown, name: string): string | null => (value === null ? null : string(value, name))
const integer = (value: unknown, name: string): number =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : expected("an integer", name)
const bytes = (value: unknown, name: string): Uint8Array => new Uint8Array(Buffer.from(string(value, name), "base64"))
const toBase64 = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
