import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { againstOf, createTopics, setGroupConfigs, startTarget, withWire } from "../../bench/groups/Target.ts"
import process from "node:process"
const target = await startTarget(againstOf(process.argv[2]!), {})
const out = (label: string, x: unknown) => console.log(label, JSON.stringify(x, (_, v) => (typeof v === "bigint" ? String(v) : v)))
await createTopics(target.bootstrap, new Map([["t", 4], ["u", 2]]))
await new Promise((r) => setTimeout(r, 2000))
try {
await withWire(target.bootstrap, async (w) => {
  const av: any = await w.call(ApiVersions, 4, { clientSoftwareName: "x", clientSoftwareVersion: "1" })
  out("features", [av.supportedFeatures.filter((f: any) => /group|share|streams/.test(f.name)), av.finalizedFeatures, String(av.finalizedFeaturesEpoch)])
  let tid = ""
  const hb = async (label: string, rest: any) => {
    const a: any = await w.call(ConsumerGroupHeartbeat, 1, { groupId: "g", memberId: "a", ...rest } as any)
    for (const tp of a.assignment?.topicPartitions ?? []) { if (rest.tid !== false) tid ||= tp.topicId }
    out(label, [a.errorCode, a.errorMessage?.slice(0, 150) ?? null, a.memberId, a.memberEpoch, a.heartbeatIntervalMs, a.assignment?.topicPartitions.map((t: any) => [...t.partitions].sort().join()) ?? null])
    return a
  }
  const join = { memberEpoch: 0, rebalanceTimeoutMs: 60000, subscribedTopicNames: ["t"], topicPartitions: [] }
  const d = async (label: string) => {
    const { groups: [g] }: any = await w.call(ConsumerGroupDescribe, 1, { groupIds: ["g"] })
    out(label, [g.errorCode, g.errorMessage, g.groupState, g.groupEpoch, g.assignmentEpoch, g.assignorName, g.members.map((m: any) => [m.memberId, m.instanceId, m.rackId, m.memberEpoch, m.subscribedTopicNames, m.subscribedTopicRegex, m.assignment.topicPartitions.map((t: any) => t.partitions.join()), m.targetAssignment.topicPartitions.map((t: any) => t.partitions.join()), m.memberType]).sort()])
  }
  const pause = (ms: number) => new Promise((r) => setTimeout(r, ms))
  await d("none")
  await hb("not there", { memberEpoch: 1 })
  await hb("leave not there", { memberEpoch: -1 })
  await hb("a joins", join)
  await d("d1")
  await hb("a joins again", join)
  await pause(1200)
  await hb("b joins", { ...join, memberId: "b" })
  await d("d2")
  const own = (...p: number[]) => ({ topicPartitions: [{ topicId: tid, partitions: p }] })
  await hb("a beats", { memberEpoch: 1 })
  await hb("a owns all", { memberEpoch: 1, ...own(0, 1, 2, 3) })
  await d("d3")
  await hb("b", { memberId: "b", memberEpoch: 2 })
  await hb("a revoked", { memberEpoch: 1, ...own(0, 1) })
  await hb("a with old epoch, owned ok", { memberEpoch: 1, ...own(0, 1) })
  await hb("a with old epoch, none", { memberEpoch: 1 })
  await hb("a too high", { memberEpoch: 9 })
  await hb("b gets", { memberId: "b", memberEpoch: 2 })
  await d("d4")
  await hb("unknown", { memberId: "x", memberEpoch: 2 })
  await hb("a full", { memberEpoch: 2, rebalanceTimeoutMs: 60000, subscribedTopicNames: ["t"], ...own(0, 1) })
  await hb("full w/o names", { memberEpoch: 2, rebalanceTimeoutMs: 60000, ...own(0, 1) })
  await pause(1200)
  await hb("regex", { memberEpoch: 2, subscribedTopicRegex: "u.*" })
  await pause(500)
  await hb("regex 2", { memberEpoch: 2 })
  await d("d5")
  await hb("bad regex", { memberEpoch: 2, subscribedTopicRegex: "(?=x)" })
  await hb("static c", { ...join, memberId: "c", instanceId: "i" })
  await hb("static c again", { ...join, memberId: "c", instanceId: "i" })
  await hb("static other", { ...join, memberId: "c2", instanceId: "i" })
  await hb("static -2", { memberId: "c", instanceId: "i", memberEpoch: -2 })
  await hb("static -2 wrong", { memberId: "c9", instanceId: "i", memberEpoch: -2 })
  await d("d6")
  await hb("static back", { ...join, memberId: "c2", instanceId: "i" })
  await hb("static old", { memberId: "c", instanceId: "i", memberEpoch: 3 })
  await hb("b leaves", { memberId: "b", memberEpoch: -1 })
  await hb("b leaves again", { memberId: "b", memberEpoch: -1 })
  const oc = async (label: string, rest: any, v = 9) => {
    const a: any = await w.call(OffsetCommit, v, { groupId: "g", topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: "" }] }], ...rest } as any)
    out(label, a.topics[0].partitions[0].errorCode)
  }
  await oc("commit -1", { memberId: "", generationIdOrMemberEpoch: -1 })
  await oc("commit x", { memberId: "x", generationIdOrMemberEpoch: 1 })
  await oc("commit a high", { memberId: "a", generationIdOrMemberEpoch: 100 })
  await oc("commit a low", { memberId: "a", generationIdOrMemberEpoch: 1 })
  await oc("commit a v8", { memberId: "a", generationIdOrMemberEpoch: 1 }, 8)
  await oc("commit nogroup", { groupId: "zz", memberId: "a", generationIdOrMemberEpoch: 1 })
  const of = async (label: string, rest: any) => {
    const a: any = await w.call(OffsetFetch, 9, { groups: [{ groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }], ...rest }] } as any)
    out(label, [a.groups[0].errorCode, a.groups[0].topics.map((t: any) => t.partitions.map((p: any) => [p.errorCode, p.committedOffset]))])
  }
  await of("fetch null", {})
  await of("fetch x", { memberId: "x", memberEpoch: 1 })
  await of("fetch a stale", { memberId: "a", memberEpoch: 0 })
  await of("fetch nogroup", { groupId: "zz", memberId: "a", memberEpoch: 1 })
  const dg: any = await w.call(DescribeGroups, 6, { groups: ["g", "zz"] })
  out("describeGroups", dg.groups.map((g: any) => [g.errorCode, g.errorMessage, g.groupState]))
  const dg5: any = await w.call(DescribeGroups, 5, { groups: ["g"] })
  out("describeGroups5", dg5.groups.map((g: any) => [g.errorCode, g.groupState]))
  const lg: any = await w.call(ListGroups, 5, {})
  out("list", lg.groups)
  await hb("no assignor", { ...join, serverAssignor: "x" })
  await hb("-2 dynamic", { memberEpoch: -2 })
  await hb("-2 unknown instance", { memberEpoch: -2, instanceId: "zz" })
  await hb("empty subscription joins", { ...join, groupId: "e", subscribedTopicNames: [] })
  await hb("nowhere", { ...join, groupId: "n", subscribedTopicNames: ["nowhere"] })
  await hb("a leaves", { memberEpoch: -1 })
  await hb("c leaves", { memberId: "c2", instanceId: "i", memberEpoch: -1 })
  await d("d7")
  await hb("a comes back", join)
  await d("d8")
})
} finally { await target.stop() }
process.exit()
