import * as Result from "effect/Result"
import type { GroupKind } from "./GroupKind.ts"
import type { GroupOutput } from "./GroupOutput.ts"

/** What has changed of a group whose members are stored in rows of their own. */
interface Change<Group, Member> {
  /** Null: as it was. */
  readonly group: Group | null
  readonly members: ReadonlyArray<Member>
  /** Member ids. */
  readonly removed: ReadonlyArray<string>
  /** What was stored of members before counts for nothing. */
  readonly all?: boolean
}

interface GroupRecord<Group> {
  readonly group: Group
  readonly savedAtMs: number
}

interface Rows<Group, Member, State, Answer, Changed> {
  readonly encodeGroup: (record: GroupRecord<Group>) => string
  readonly decodeGroup: (value: string) => Result.Result<GroupRecord<Group>, string>
  readonly encodeMember: (member: Member) => string
  readonly decodeMember: (memberId: string, value: string) => Result.Result<Member, string>
  /** What the machine begins with; every member has a whole session from then on. */
  readonly restore: (
    group: Group,
    members: ReadonlyArray<Member>,
    sessionTimeoutMs: number,
    nowMs: number
  ) => readonly [State, ReadonlyArray<GroupOutput<Answer, Changed>>]
  readonly sessionTimeoutMs: (groupId: string) => number
  /** Where other things of the group are stored among its members: a member's row, and whose row it is. */
  readonly rowOf?: (memberId: string) => string
  readonly memberOf?: (row: string) => string | undefined
}

const same = (id: string): string => id

/** How a group is written down and read whose members have a row each. */
export const memberRows = <
  Kind extends string,
  Group,
  Member extends { readonly memberId: string },
  State,
  Event,
  Answer,
  Changed extends Change<Group, Member>
>({
  decodeGroup,
  decodeMember,
  encodeGroup,
  encodeMember,
  memberOf = same,
  restore,
  rowOf = same,
  sessionTimeoutMs
}: Rows<Group, Member, State, Answer, Changed>): Pick<
  GroupKind<Kind, State, Event, Answer, Changed>,
  "encode" | "restore"
> => ({
  encode: ({ all = false, group, members, removed }, savedAtMs) => ({
    value: group && encodeGroup({ group, savedAtMs }),
    members: [
      ...members.map((member) => ({ memberId: rowOf(member.memberId), value: encodeMember(member) })),
      ...removed.map((memberId) => ({ memberId: rowOf(memberId), value: null }))
    ],
    membersAnew: all
  }),
  restore: ({ groupId, members: stored = [], value }) =>
    Result.gen(function* () {
      const { group, savedAtMs } = yield* decodeGroup(value)
      const members: Array<Member> = []
      const unread: Array<string> = []
      for (const row of stored) {
        const memberId = memberOf(row.memberId)
        if (memberId === undefined) continue
        const member = decodeMember(memberId, row.value)
        if (Result.isSuccess(member)) members.push(member.success)
        else unread.push(`${JSON.stringify(memberId)} (${member.failure})`)
      }
      const timeoutMs = sessionTimeoutMs(groupId)
      return { savedAtMs, unread, start: (nowMs: number) => restore(group, members, timeoutMs, nowMs) }
    })
})
