import * as Result from "effect/Result"
import type { GroupKind } from "./GroupKind.ts"
import type { Stepped } from "./GroupMachine.ts"
import type { GroupRow, MemberRowCodec, RowCodec } from "./RowCodec.ts"

/** What has changed of a group that stores its members in rows of their own. */
interface Change<Group, Member> {
  /** Null: as it was. */
  readonly group: Group | null
  readonly members: ReadonlyArray<Member>
  /** Member ids. */
  readonly removed: ReadonlyArray<string>
  /** What was stored of members before counts for nothing. */
  readonly all?: boolean
}

interface Rows<Group, Member, State, Answer, Changed> {
  readonly groupRow: RowCodec<GroupRow<Group>>
  readonly memberRow: MemberRowCodec<Member>
  /** What the machine begins with; every member has a whole session from then on. */
  readonly restore: (
    group: Group,
    members: ReadonlyArray<Member>,
    sessionTimeoutMs: number,
    nowMs: number
  ) => Stepped<State, Answer, Changed>
  readonly sessionTimeoutMs: (groupId: string) => number
}

/** How a group with a row for each member is written down and read. */
export const memberRows = <
  Kind extends string,
  Group,
  Member extends { readonly memberId: string },
  State,
  Event,
  Answer,
  Changed extends Change<Group, Member>
>({
  groupRow,
  memberRow,
  restore,
  sessionTimeoutMs
}: Rows<Group, Member, State, Answer, Changed>): Pick<
  GroupKind<Kind, State, Event, Answer, Changed>,
  "encode" | "restore"
> => ({
  encode: ({ all = false, group, members, removed }, savedAtMs) => ({
    value: group && groupRow.encode({ group, savedAtMs }),
    members: [
      ...members.map((member) => ({ memberId: member.memberId, value: memberRow.encode(member) })),
      ...removed.map((memberId) => ({ memberId, value: null }))
    ],
    membersAnew: all
  }),
  restore: ({ groupId, members: stored, value }) =>
    Result.gen(function* () {
      const { group, savedAtMs } = yield* groupRow.decode(value)
      const members: Array<Member> = []
      const unread: Array<string> = []
      for (const { memberId, value } of stored) {
        const member = memberRow.decode(memberId, value)
        if (Result.isSuccess(member)) members.push(member.success)
        else unread.push(`${JSON.stringify(memberId)} (${member.failure})`)
      }
      const timeoutMs = sessionTimeoutMs(groupId)
      return { savedAtMs, unread, start: (nowMs: number) => restore(group, members, timeoutMs, nowMs) }
    })
})
