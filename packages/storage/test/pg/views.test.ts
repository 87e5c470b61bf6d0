import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import * as ClassicRows from "../../../coordinator/src/group/classic/ClassicRows.ts"
import * as ConsumerRows from "../../../coordinator/src/group/consumer/ConsumerRows.ts"
import * as StreamsRows from "../../../coordinator/src/group/streams/StreamsRows.ts"
import * as ShareRows from "../../../coordinator/src/group/share/ShareRows.ts"
import { memberKey, partitionKey } from "../../src/groups/groupRows.ts"
import { Writer } from "@tusk/protocol/codec/Writer"
import { ConsumerProtocolAssignment } from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import { Write } from "../../src/port/Write.ts"
import { append, committed, TOPIC } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** A store with topic "t" of three partitions, the first with five records, and a psql session. */
const open = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([
    [
      Write.PutTopic({ topicId: TOPIC, name: "t" }),
      ...[0, 1, 2].map((index) => Write.PutPartition({ topicId: TOPIC, index, partitionId: index + 1 })),
      ...[0n, 1n, 2n, 3n, 4n].map((offset) => append(offset))
    ]
  ])
  const psql = yield* database.psql()
  return { store, psql }
})

/** What a leader assigns: these partitions of "t", and the seventh of topics that are gone. */
const assigned = (partitions: ReadonlyArray<number>, ...gone: ReadonlyArray<string>): Uint8Array => {
  const writer = new Writer()
  const assignedPartitions = [{ topic: "t", partitions }, ...gone.map((topic) => ({ topic, partitions: [7] }))]
  writer.int16(3)
  ConsumerProtocolAssignment.encode(writer, 3, { assignedPartitions, userData: Uint8Array.of(1, 2, 3) })
  return Buffer.concat(writer.finish())
}

describe("what a person sees in psql", () => {
  it.live("classic groups: members, what they read, how far they are behind", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const member = (memberId: string, assignment: Uint8Array, groupInstanceId: string | null = null) => ({
        memberId,
        groupInstanceId,
        clientId: `client ${memberId}`,
        clientHost: "/10.0.0.1",
        sessionTimeoutMs: 1,
        rebalanceTimeoutMs: 1,
        protocols: [],
        assignment
      })
      const group = { generationId: 3, protocolType: "consumer", protocolName: "range", leaderId: "a" }
      const members = [member("a", assigned([0, 1], "gone")), member("b", assigned([2]), "two")]
      yield* store.commit([
        [
          Write.PutGroup({
            groupId: "g",
            kind: "classic",
            value: ClassicRows.groupRow.encode({ savedAtMs: 0, group: { ...group, members } })
          }),
          committed("g", 1, 2n),
          committed("g", 2, 0n),
          committed("nobody", 1, 4n),
          Write.PutConfig({ resourceType: 32, resourceName: "g", name: "consumer.session.timeout.ms", value: "50000" })
        ]
      ])
      expect(
        yield* psql.query(
          "select group_id, kind, members, partitions, lag, configs from kafka.group_overview order by 1"
        )
      ).toEqual([
        ["g", "classic", "2", "2", "3", '{"consumer.session.timeout.ms": "50000"}'],
        ["nobody", null, "0", "1", "1", null]
      ])
      expect(
        yield* psql.query(
          "select group_id, member_id, instance_id, client_id, client_host, partitions from kafka.member_overview order by 2"
        )
      ).toEqual([
        ["g", "a", null, "client a", "/10.0.0.1", "{gone-7,t-0,t-1}"],
        ["g", "b", "two", "client b", "/10.0.0.1", "{t-2}"]
      ])
      expect(
        yield* psql.query(
          "select member_id, topic, partition, committed_offset, end_offset, lag from kafka.member_lag order by 2, 3"
        )
      ).toEqual([
        ["a", "gone", "7", null, null, null],
        ["a", "t", "0", "2", "5", "3"],
        ["a", "t", "1", "0", "0", "0"],
        ["b", "t", "2", null, "0", "0"]
      ])
    })
  )

  it.live("a group that reads and never committed is behind by all of it, once for each partition", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const member = (memberId: string, ...partitions: ReadonlyArray<number>) => ({
        memberId,
        groupInstanceId: null,
        clientId: "c",
        clientHost: "/h",
        sessionTimeoutMs: 1,
        rebalanceTimeoutMs: 1,
        protocols: [],
        assignment: assigned(partitions, "gone")
      })
      const group = { generationId: 1, protocolType: "consumer", protocolName: "range", leaderId: "a" }
      const value = ClassicRows.groupRow.encode({
        savedAtMs: 0,
        group: { ...group, members: [member("a", 0, 1), member("b", 0, 2)] }
      })
      const put = (groupId: string) => Write.PutGroup({ groupId, kind: "classic", value })
      yield* store.commit([[put("never"), put("partly"), committed("partly", 1, 4n)]])
      yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 2n })]])
      expect(yield* psql.query("select group_id, partitions, lag from kafka.group_overview order by 1")).toEqual([
        ["never", "0", "3"],
        ["partly", "1", "1"]
      ])
    })
  )

  it.live("every view can be read, whatever number of 64 bits a time or an offset is", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const [least, greatest] = [-(2n ** 63n), 2n ** 63n - 1n]
      const last = append(5n)
      yield* store.commit([
        [{ ...last, ...(last._tag === "Append" ? { maxTimestamp: greatest, timestampHigh: greatest } : {}) } as Write],
        [committed("g", 1, least), committed("h", 1, greatest)].map(
          (write, i) => ({ ...write, commitTimestamp: [least, greatest][i]! }) as Write
        )
      ])
      const views = yield* psql.query(
        "select relname from pg_class where relnamespace = 'kafka'::regnamespace and relkind = 'v'"
      )
      for (const [view] of views) yield* psql.query(`select * from kafka.${view}`)
      expect(
        yield* psql.query(`select to_char(newest_timestamp at time zone 'UTC', 'YYYY-MM-DD') from kafka.partition_overview
          where partition = 0`)
      ).toEqual([["9999-12-31"]])
      expect(
        yield* psql.query(`select group_id, lag, to_char(committed_at at time zone 'UTC', 'YYYY') from kafka.group_lag
          order by 1`)
      ).toEqual([
        ["g", "6", "0001"],
        ["h", String(6n - greatest), "9999"]
      ])
    })
  )

  it.live("consumer groups: what each member was told to own", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const member = (memberId: string, instanceId: string | null, partitions: ReadonlyArray<number>) =>
        Write.PutGroupMember({
          groupId: "g",
          memberId,
          value: ConsumerRows.memberRow.encode({
            memberId,
            instanceId,
            rackId: null,
            clientId: `client ${memberId}`,
            clientHost: "/10.0.0.3",
            rebalanceTimeoutMs: 1,
            subscribedTopicNames: ["t"],
            subscribedTopicRegex: "",
            serverAssignor: null,
            memberEpoch: 9,
            previousMemberEpoch: 8,
            state: "Stable",
            // Each partition with the epoch at which it was given; a topic that is gone.
            assigned: new Map([
              [TOPIC, new Map(partitions.map((partition) => [partition, 2]))],
              ["BBBBBBBBBBBBBBBBBBBBBB", new Map([[0, 0]])]
            ]),
            pendingRevocation: new Map([[TOPIC, new Map([[9, 9]])]]),
            classic: null
          })
        })
      const group = { groupEpoch: 9, assignmentEpoch: 9, metadataHash: 1 }
      yield* store.commit([
        [
          Write.PutGroup({
            groupId: "g",
            kind: "consumer",
            value: ConsumerRows.groupRow.encode({ group, savedAtMs: 0 })
          }),
          member("a", null, [0, 2]),
          member("b", "two", [1]),
          committed("g", 1, 3n)
        ]
      ])
      expect(yield* psql.query("select kind, members, partitions, lag from kafka.group_overview")).toEqual([
        ["consumer", "2", "1", "2"]
      ])
      expect(
        yield* psql.query(
          "select member_id, instance_id, client_id, client_host, partitions from kafka.member_overview order by 1"
        )
      ).toEqual([
        ["a", null, "client a", "/10.0.0.3", "{t-0,t-2}"],
        ["b", "two", "client b", "/10.0.0.3", "{t-1}"]
      ])
      expect(yield* psql.query("select member_id, topic, partition, lag from kafka.member_lag order by 3")).toEqual([
        ["a", "t", "0", "2"],
        ["b", "t", "1", "0"],
        ["a", "t", "2", "0"]
      ])
    })
  )

  it.live("streams groups: the source topics of active tasks", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const tasks = (partitions: ReadonlyArray<number>) =>
        new Map([["0", new Map(partitions.map((partition) => [partition, 4]))]])
      const nothing = { active: new Map(), standby: new Map(), warmup: new Map() }
      const subtopology = {
        subtopologyId: "0",
        sourceTopics: ["t"],
        stateChangelogTopics: [],
        repartitionSinkTopics: [],
        repartitionSourceTopics: [],
        copartitionGroups: []
      }
      const member = {
        memberId: "m",
        memberEpoch: 4,
        previousEpoch: 3,
        phase: "Stable" as const,
        rackId: null,
        clientId: "app",
        clientHost: "/10.0.0.2",
        rebalanceTimeoutMs: 1,
        topologyEpoch: 0,
        processId: "p",
        userEndpoint: null,
        clientTags: [],
        held: { active: tasks([0, 2]), standby: tasks([1]), warmup: new Map() },
        revoking: nothing,
        target: nothing
      }
      const group = {
        groupEpoch: 4,
        assignmentEpoch: 4,
        topology: { epoch: 0, subtopologies: [subtopology] },
        validatedTopologyEpoch: 0,
        topicsSeen: "",
        standbyReplicas: 0
      }
      yield* store.commit([
        [
          Write.PutGroup({
            groupId: "app",
            kind: "streams",
            value: StreamsRows.groupRow.encode({ group, savedAtMs: 0 })
          }),
          Write.PutGroupMember({ groupId: "app", memberId: "m", value: StreamsRows.memberRow.encode(member) }),
          committed("app", 1, 1n)
        ]
      ])
      expect(yield* psql.query("select kind, members, lag from kafka.group_overview")).toEqual([["streams", "1", "4"]])
      expect(yield* psql.query("select member_id, client_id, partitions from kafka.member_overview")).toEqual([
        ["m", "app", "{t-0,t-2}"]
      ])
      expect(yield* psql.query("select topic, partition, lag from kafka.member_lag order by 2")).toEqual([
        ["t", "0", "4"],
        ["t", "2", "0"]
      ])
    })
  )

  it.live("share groups: members, and where the group is in each partition", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const member = {
        memberId: "m1",
        rackId: null,
        clientId: "client m1",
        clientHost: "/10.0.0.1",
        subscribedTopicNames: ["t"],
        memberEpoch: 3,
        previousMemberEpoch: 2
      }
      const partition = { startOffset: 2n, ranges: [] }
      yield* store.commit([
        [
          Write.PutGroup({
            groupId: "s",
            kind: "share",
            value: ShareRows.groupRow.encode({ group: { groupEpoch: 3, assignmentEpoch: 3 }, savedAtMs: 0 })
          }),
          Write.PutGroupMember({
            groupId: "s",
            memberId: memberKey("share", "m1"),
            value: ShareRows.memberRow.encode(member)
          }),
          Write.PutGroupMember({
            groupId: "s",
            memberId: partitionKey(1),
            value: ShareRows.partitionRow.encode(partition)
          })
        ]
      ])
      expect(yield* psql.query("select member_id, client_id from kafka.member_overview")).toEqual([["m1", "client m1"]])
      expect(
        yield* psql.query("select group_id, topic, partition, start_offset, end_offset, lag from kafka.share_lag")
      ).toEqual([["s", "t", "0", "2", "5", "3"]])
      expect(yield* psql.query("select kind, members, partitions, lag from kafka.group_overview")).toEqual([
        ["share", "1", "1", "3"]
      ])
    })
  )

  it.live("what no reader can read is left out, and no view fails because of it", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const broken = Buffer.from(assigned([0]))
        .subarray(0, 12)
        .toString("base64")
      const classic = (members: unknown) => JSON.stringify({ protocolType: "consumer", members })
      const values = [
        "",
        "{",
        "null",
        "[]",
        classic(7),
        classic([{ memberId: "a", assignment: broken }]),
        classic([null])
      ]
      yield* store.commit([
        values.map((value, i) => Write.PutGroup({ groupId: `g${i}`, kind: "classic", value })),
        [
          Write.PutGroup({ groupId: "later", kind: "none yet", value: "x" }),
          Write.PutGroupMember({ groupId: "later", memberId: "m", value: "no json" })
        ]
      ])
      expect(yield* psql.query("select group_id, members from kafka.group_overview order by 1")).toEqual([
        ["g0", "0"],
        ["g1", "0"],
        ["g2", "0"],
        ["g3", "0"],
        ["g4", "0"],
        ["g5", "1"],
        ["g6", "1"],
        ["later", "1"]
      ])
      expect(yield* psql.query("select * from kafka.member_lag")).toEqual([])
    })
  )

  it.live("configs, bytes on disk, and which broker writes", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const config = (resourceType: number, resourceName: string, name: string) =>
        Write.PutConfig({ resourceType, resourceName, name, value: "1" })
      yield* store.commit([
        [config(2, "t", "retention.ms"), config(4, "", "message.max.bytes"), config(32, "g", "x"), config(16, "m", "y")]
      ])
      expect(yield* psql.query("select * from kafka.config_overview order by 1")).toEqual([
        ["broker", "(all brokers)", "message.max.bytes", "1"],
        ["client-metrics", "m", "y", "1"],
        ["group", "g", "x", "1"],
        ["topic", "t", "retention.ms", "1"]
      ])
      const [batches] = yield* psql.query(
        "select table_name, total_bytes = table_bytes + index_bytes and total_bytes > 0 from kafka.disk_usage where table_name = 'batches'"
      )
      expect(batches).toEqual(["batches", "t"])
      const [active] = yield* psql.query("select application_name, epoch from kafka.active_broker")
      expect(active).toEqual(["tusk/broker", "1"])
    })
  )

  it.live("docs/sql.md tells of every table, view and function, and of every column of views", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const page = readFileSync(new URL("../../../../docs/sql.md", import.meta.url), "utf8")
      const names = yield* psql.query(`
        select relname from pg_class where relnamespace = 'kafka'::regnamespace and relkind in ('r', 'v')
        union all select proname from pg_proc where pronamespace = 'kafka'::regnamespace`)
      expect(names.map(([name]) => name!).filter((name) => !page.includes(`kafka.${name}`))).toEqual([])
      const columns = yield* psql.query(`
        select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'kafka'::regnamespace and c.relkind = 'v'`)
      const section = (view: string) => page.split("### ").find((text) => text.startsWith(`kafka.${view}\n`)) ?? ""
      expect(columns.filter(([view, column]) => !section(view!).includes(`\`${column}\``))).toEqual([])
    })
  )
})
