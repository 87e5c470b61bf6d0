import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { assignSimple } from "../../../src/assignor/Simple.ts"
import { restore, step } from "../../../src/group/share/ShareGroup.ts"
import { groupRow, memberRow } from "../../../src/group/share/ShareRows.ts"
import { empty, Event, LEAVE } from "../../../src/group/share/ShareGroupState.ts"
import type { Answer, ShareAssignment, ShareGroupState } from "../../../src/group/share/ShareGroupState.ts"

const SESSION_MS = 100
const MAX_SIZE = 4

const Member = Schema.Literals(["a", "b", "c", "d", "e"])
const Step = Schema.Union([
  Schema.Struct({
    act: Schema.Literal("join"),
    member: Member,
    names: Schema.NonEmptyArray(Schema.Literals(["t", "u", "none"])).check(Schema.isMaxLength(3))
  }),
  Schema.Struct({
    act: Schema.Literal("beat"),
    member: Member,
    epoch: Schema.Literals(["mine", "mine", "before", "odd"])
  }),
  Schema.Struct({ act: Schema.Literal("lost"), member: Member }),
  Schema.Struct({ act: Schema.Literal("leave"), member: Member }),
  Schema.Struct({ act: Schema.Literal("wait"), ms: Schema.Literals([10, 60, 100]) }),
  Schema.Struct({ act: Schema.Literal("topics"), t: Schema.Literals([1, 3]), u: Schema.Literals([0, 2]) }),
  Schema.Struct({ act: Schema.Literal("restart") })
])

const flat = (assignment: ShareAssignment | null | undefined): string =>
  Array.from(assignment ?? [], ([topicId, partitions]) => `${topicId}:${partitions.join("+")}`)
    .sort()
    .join()

/** A member as it sees itself. */
interface Client {
  epoch: number
  before: number
  has: string
  /** Answers that it never got. */
  lost: number
}

describe("members of a share group", () => {
  it.prop(
    "heartbeats tell assignments; all partitions are read; silence ends a session in time; a restart changes nothing",
    [Schema.Array(Step).check(Schema.isMaxLength(60))],
    ([steps]) => {
      let state: ShareGroupState = empty
      let now = 0
      let sizes = new Map([["t", 3]])
      let version = 1
      let group: string | undefined
      const rows = new Map<string, string>()
      const clients = new Map<string, Client>()
      const heardAt = new Map<string, number>()
      let wakeAtMs = Infinity
      const find = (name: string) => {
        const partitions = sizes.get(name)
        return partitions === undefined ? undefined : { topicId: `id-${name}`, partitions }
      }
      const perform = (outputs: ReturnType<typeof step>[1]): Answer | undefined => {
        let answer: Answer | undefined
        for (const output of outputs) {
          if (output._tag === "Persist") {
            assert.isUndefined(answer, "answered before it is stored")
            if (output.group.group !== null) group = groupRow.encode({ group: output.group.group, savedAtMs: now })
            for (const member of output.group.members) rows.set(member.memberId, memberRow.encode(member))
            for (const memberId of output.group.removed) rows.delete(memberId)
          }
          if (output._tag === "WakeAt") wakeAtMs = output.atMs
          if (output._tag === "Reply") answer = output.answer
        }
        return answer
      }
      const send = (event: Event): Answer | undefined => {
        const [next, outputs] = step(state, event, now)
        assert.isTrue(next.groupEpoch >= state.groupEpoch, "the group's epoch goes back")
        state = next
        return perform(outputs)
      }
      const beat = (memberId: string, memberEpoch: number, names: ReadonlyArray<string> | null = null) => {
        const isMember = state.members.has(memberId)
        const answer = send(
          Event.Heartbeat({
            waiter: 1,
            memberId,
            memberEpoch,
            rackId: null,
            subscribedTopicNames: names,
            clientId: "c",
            clientHost: "/h",
            topics: { version, find },
            terms: { sessionTimeoutMs: SESSION_MS, maxSize: MAX_SIZE }
          })
        )
        assert.isDefined(answer)
        if (answer?._tag !== "Beat") return { answer, isMember }
        if (memberEpoch === LEAVE) {
          clients.delete(memberId)
          heardAt.delete(memberId)
          return { answer, isMember }
        }
        const known = clients.get(memberId)
        const has = answer.assignment === null ? known!.has : flat(answer.assignment)
        clients.set(memberId, { epoch: answer.memberEpoch, before: known?.epoch ?? 0, has, lost: 0 })
        heardAt.set(memberId, now)
        assert.strictEqual(answer.memberEpoch, state.groupEpoch)
        assert.strictEqual(has, flat(state.assignment.get(memberId)), "what the member has is not its assignment")
        return { answer, isMember }
      }

      for (const each of steps) {
        switch (each.act) {
          case "join": {
            const { answer, isMember } = beat(each.member, 0, each.names)
            const isFull = !isMember && state.members.size >= MAX_SIZE && !state.members.has(each.member)
            assert.strictEqual(answer?._tag, isFull ? "Refused" : "Beat")
            break
          }
          case "beat": {
            const client = clients.get(each.member)
            const epoch = each.epoch === "odd" ? 9999 : each.epoch === "before" ? client?.before : client?.epoch
            const { answer, isMember } = beat(each.member, epoch || 7777)
            const expected = !isMember ? "UnknownMemberId" : epoch !== 9999 && epoch ? "Beat" : "FencedMemberEpoch"
            const got = answer?._tag === "Refused" ? answer.error._tag : answer?._tag
            // A member that missed two epochs is told to join again.
            const isBehind = got === "FencedMemberEpoch" && client !== undefined && client.lost > 1
            if (isBehind) assert.strictEqual(beat(each.member, 0, ["t"]).answer?._tag, "Beat")
            // The epoch before the last may have been one of two told at once.
            else if (each.epoch !== "before") assert.strictEqual(got, expected)
            break
          }
          case "lost": {
            const client = clients.get(each.member)
            if (client === undefined) break
            const { answer } = beat(each.member, client.epoch)
            if (answer?._tag === "Beat") clients.set(each.member, { ...client, lost: client.lost + 1 })
            break
          }
          case "leave": {
            const { answer, isMember } = beat(each.member, LEAVE)
            assert.strictEqual(answer?._tag, isMember ? "Beat" : "Refused")
            break
          }
          case "wait": {
            const until = now + each.ms
            while (wakeAtMs <= until) {
              now = Math.max(now, wakeAtMs)
              wakeAtMs = Infinity
              send(Event.Tick())
            }
            now = until
            for (const [memberId, at] of Array.from(heardAt)) {
              assert.strictEqual(
                state.members.has(memberId),
                now - at < SESSION_MS,
                `${memberId}, silent for ${now - at}`
              )
              if (now - at < SESSION_MS) continue
              heardAt.delete(memberId)
              clients.delete(memberId)
            }
            break
          }
          case "topics":
            version++
            sizes = new Map([["t", each.t]])
            if (each.u > 0) sizes.set("u", each.u)
            break
          case "restart": {
            if (group === undefined) break
            const kept = groupRow.decode(group)
            assert.isTrue(Result.isSuccess(kept))
            if (!Result.isSuccess(kept)) break
            const members = Array.from(rows, ([memberId, value]) =>
              Result.getOrThrow(memberRow.decode(memberId, value))
            )
            assert.deepStrictEqual(
              members.map(({ memberId }) => memberId).sort(),
              Array.from(state.members.keys()).sort(),
              "members stored are not those that were there"
            )
            wakeAtMs = Infinity
            const [restored, outputs] = restore(kept.success.group, members, SESSION_MS, now)
            assert.strictEqual(restored.groupEpoch, state.groupEpoch)
            state = restored
            perform(outputs)
            for (const memberId of heardAt.keys()) heardAt.set(memberId, now)
            break
          }
        }
      }
      // In the end every member that is left learns of one assignment, in which each partition has a member.
      for (const [memberId, { epoch }] of Array.from(clients)) {
        if (beat(memberId, epoch).answer?._tag !== "Beat") beat(memberId, 0, ["t"])
      }
      const read = new Set<string>()
      for (const [memberId, { epoch }] of Array.from(clients)) {
        beat(memberId, epoch)
        for (const [topicId, partitions] of state.assignment.get(memberId) ?? []) {
          for (const partition of partitions) read.add(`${topicId}/${partition}`)
        }
      }
      const wanted = new Set<string>()
      for (const { subscribedTopicNames } of state.members.values()) {
        for (const name of subscribedTopicNames) {
          const topic = find(name)
          for (let i = 0; i < (topic?.partitions ?? 0); i++) wanted.add(`${topic!.topicId}/${i}`)
        }
      }
      assert.deepStrictEqual(Array.from(read).sort(), Array.from(wanted).sort())
    },
    { arbitrary: { runs: 3000, size: 60 }, timeout: 60_000 }
  )
})

describe("the simple assignor", () => {
  it("evens out: members over partitions, or partitions over members", () => {
    const members = ["a", "b", "c"].map((memberId) => ({ memberId, subscribedTopicNames: ["t"] }))
    const shares = (partitions: number) =>
      Array.from(
        assignSimple(members, () => ({ topicId: "id", partitions })).values(),
        (of) => of.get("id")?.length ?? 0
      )
    assert.deepStrictEqual(shares(1), [1, 1, 1])
    assert.deepStrictEqual(shares(2), [1, 1, 1])
    assert.deepStrictEqual(shares(3), [1, 1, 1])
    assert.deepStrictEqual(shares(7), [3, 2, 2])
    assert.deepStrictEqual(shares(0), [0, 0, 0])
  })
})
