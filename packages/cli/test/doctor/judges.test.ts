import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { judgeBroker } from "../../src/doctor/broker.ts"
import { examine } from "../../src/doctor/Check.ts"
import type { Patient } from "../../src/doctor/Check.ts"
import { judgeDisk } from "../../src/doctor/disk.ts"
import { bySeverity, inBytes, inTime } from "../../src/doctor/Finding.ts"
import type { Verdict } from "../../src/doctor/Finding.ts"
import { judgeClock, judgeCommit, judgeHba, judgeTls, judgeTrip } from "../../src/doctor/network.ts"
import { judgeConnections, judgeDurability, judgeServer, judgeTimeouts, judgeWal } from "../../src/doctor/server.ts"
import { judgeHolder, judgePrepared, judgeSlots, judgeSnapshots } from "../../src/doctor/sessions.ts"
import { judgeAutovacuum, judgeFreeze, judgeTables } from "../../src/doctor/tables.ts"
import { judgeAcls, judgeSecrets } from "../../src/doctor/logins.ts"
import { judgeObjects } from "../../src/doctor/objects.ts"
import {
  judgeOutbox,
  judgePublications,
  judgeMaterialised,
  judgeRetention,
  judgeRights,
  judgeSchema
} from "../../src/doctor/tusk.ts"

const severities = (verdicts: ReadonlyArray<Verdict>) => verdicts.map(({ severity }) => severity)
const seen = (verdicts: ReadonlyArray<Verdict>) => verdicts.map((verdict) => verdict.seen)

const GB = 1024 ** 3
const server = { version: "18.1", number: 180_001, standby: false, encoding: "UTF8" }
const rights = {
  role: "tusk",
  database: "kafka",
  superuser: false,
  installed: true,
  creates: true,
  usage: true,
  owns: true,
  owner: "tusk",
  lacking: [],
  sees_sessions: true
}
const table = {
  name: "kafka.batches",
  vacuumed: true,
  logged: true,
  tablespace: null,
  row_security: false,
  triggers: [],
  live: 10,
  dead: 0,
  bytes: 8192,
  vacuumed_ago: null
}
const slot = { name: "s", active: true, status: "reserved", bytes: 0, xids: null, keep: "-1" }
const session = {
  pid: 7,
  role: "app",
  application: "",
  state: "idle in transaction",
  seconds: 1,
  xids: 3,
  hidden: false
}

const cluster = { clusterId: "c", epoch: 7, server: { systemIdentifier: "1", timeline: "00000001", place: "2x3" } }
const owner = { clusterId: "c", ...cluster.server, epoch: 7, writer: "w", writtenAt: 0 }

describe("a judge", () => {
  it("of objects knows whose they are", () => {
    const known = { objects: 3, bytes: 2048 }
    const judge = (told: Parameters<typeof judgeObjects>[0]["store"], objects = known) =>
      judgeObjects({ known: objects, cluster, store: told })
    const store = (told: NonNullable<Parameters<typeof judge>[0]>["told"]) => ({ name: "file:///objects", told })
    assert.deepStrictEqual(judge(store({ _tag: "Owner", record: owner })), [])
    assert.deepStrictEqual(judge(store({ _tag: "Owner", record: { ...owner, epoch: 0 } })), [])
    assert.deepStrictEqual(seen(judge(undefined)), ["the database knows 3 objects of 2.0 kB"])
    assert.deepStrictEqual(judge(undefined, { objects: 0, bytes: 0 }), [])
    assert.deepStrictEqual(judge(store({ _tag: "NoOwner" }), { objects: 0, bytes: 0 }), [])
    for (const told of [
      { _tag: "Failed", message: "away" },
      { _tag: "NoOwner" },
      { _tag: "Owner", record: undefined },
      { _tag: "Owner", record: { ...owner, epoch: 8 } },
      { _tag: "Owner", record: { ...owner, timeline: "00000002" } }
    ] as const) {
      assert.deepStrictEqual(severities(judge(store(told))), ["error"])
    }
  })

  it("of the server knows versions, standbys and encodings", () => {
    assert.deepStrictEqual(judgeServer([server]), [])
    assert.deepStrictEqual(severities(judgeServer([{ ...server, number: 130_010 }])), ["error"])
    assert.deepStrictEqual(severities(judgeServer([{ ...server, number: 190_000 }])), ["warning"])
    assert.deepStrictEqual(severities(judgeServer([{ ...server, standby: true, encoding: "LATIN1" }])), [
      "error",
      "error"
    ])
  })

  it("of settings tells only those that hurt", () => {
    const durable = ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"].map((name) => ({
      name,
      value: "on"
    }))
    assert.deepStrictEqual(judgeDurability([...durable, { name: "synchronous_standby_names", value: "*" }]), [])
    assert.deepStrictEqual(seen(judgeDurability([{ name: "synchronous_standby_names", value: "" }])), [
      "there is no synchronous standby"
    ])
    const wal = (mb: string, seconds: string) =>
      judgeWal([
        { name: "max_wal_size", value: mb },
        { name: "checkpoint_timeout", value: seconds }
      ])
    assert.deepStrictEqual(wal("1024", "300"), [])
    assert.deepStrictEqual(severities(wal("128", "30")), ["warning", "info"])
    assert.deepStrictEqual(judgeTimeouts([{ name: "statement_timeout", value: "0" }]), [])
    assert.deepStrictEqual(severities(judgeTimeouts([{ name: "default_transaction_read_only", value: "on" }])), [
      "error"
    ])
  })

  it("of connections counts those that are left, for the server, the role and the database", () => {
    const facts = {
      max: 100,
      reserved: 3,
      used: 10,
      role_limit: -1,
      role_used: 5,
      database_limit: -1,
      database_used: 5
    }
    assert.deepStrictEqual(judgeConnections([facts]), [])
    assert.deepStrictEqual(seen(judgeConnections([{ ...facts, used: 99, role_limit: 8, database_limit: 7 }])), [
      "0 more sessions fit into max_connections (100)",
      "3 more sessions fit into the role's limit (8)",
      "2 more sessions fit into the database's limit (7)"
    ])
  })

  it("of sessions warns at five minutes, and raises its voice at an hour", () => {
    const at = (seconds: number | null) => severities(judgeSnapshots([{ ...session, seconds }]))
    assert.deepStrictEqual([at(299), at(300), at(3600), at(null)], [[], ["warning"], ["error"], []])
    const prepared = (seconds: number) => judgePrepared([{ gid: "it's", owner: "o", database: "d", seconds }])
    assert.deepStrictEqual(prepared(10), [])
    assert.include(prepared(4000)[0]!.remedy, "rollback prepared 'it''s'")
    assert.strictEqual(prepared(4000)[0]!.severity, "error")
  })

  it("of slots weighs what they keep, and whether anybody comes for it", () => {
    assert.deepStrictEqual(judgeSlots([slot]), [])
    assert.deepStrictEqual(severities(judgeSlots([{ ...slot, bytes: 2 * GB }])), ["warning"])
    assert.deepStrictEqual(severities(judgeSlots([{ ...slot, bytes: 20 * GB, active: false }])), ["error"])
    assert.deepStrictEqual(severities(judgeSlots([{ ...slot, status: "lost", bytes: null }])), ["warning"])
    assert.deepStrictEqual(severities(judgeSlots([{ ...slot, active: false, xids: 20_000_000 }])), ["info", "warning"])
  })

  it("of the lock names who holds it", () => {
    assert.deepStrictEqual(seen(judgeHolder([])), ["nobody holds the cluster's lock"])
    const holder = { pid: 9, application: "tusk/broker", role: "tusk", host: null, since: "2026-01-01" }
    assert.deepStrictEqual(seen(judgeHolder([holder])), [
      "tusk/broker of tusk on this machine serves, Postgres process 9, since 2026-01-01"
    ])
  })

  it("of tables knows what no vacuum reaches", () => {
    assert.deepStrictEqual(judgeTables([table]), [])
    const bad = { vacuumed: false, logged: false, row_security: true, triggers: ["t"], tablespace: "fast" }
    assert.deepStrictEqual(severities(judgeTables([{ ...table, ...bad }])), [
      "error",
      "error",
      "error",
      "warning",
      "info"
    ])
    assert.deepStrictEqual(judgeTables([{ ...table, dead: 200_000, live: 300_000 }]), [])
    assert.deepStrictEqual(seen(judgeTables([{ ...table, dead: 200_000, vacuumed_ago: 7200 }])), [
      "kafka.batches has 200000 dead rows beside 10 live ones, 8.0 kB, vacuumed 2 h ago"
    ])
    const on = { autovacuum: "on", track_counts: "on", naptime: 60, workers: 3 }
    assert.deepStrictEqual(judgeAutovacuum([on]), [])
    assert.deepStrictEqual(severities(judgeAutovacuum([{ ...on, track_counts: "off", naptime: 3600 }])), [
      "error",
      "warning"
    ])
    const max = 200_000_000
    assert.deepStrictEqual(judgeFreeze([{ xids: max, multixacts: 0, max }]), [])
    assert.deepStrictEqual(severities(judgeFreeze([{ xids: 500_000_000, multixacts: 1_900_000_000, max }])), [
      "warning",
      "error"
    ])
  })

  it("of rights tells the grant that is missing", () => {
    assert.deepStrictEqual(judgeRights([rights]), [])
    const [none] = judgeRights([
      { ...rights, role: 'a"b', installed: false, creates: false, usage: false, owns: false }
    ])
    assert.strictEqual(none!.remedy, 'grant create on database "kafka" to "a""b"')
    const lacking = judgeRights([{ ...rights, owns: false, lacking: ["batches"] }])
    assert.deepStrictEqual(seen(lacking), ["tusk may not read and write batches"])
  })

  it("of Tusk's own knows its schema, and what is left undone", () => {
    assert.deepStrictEqual(severities(judgeSchema([])), ["info"])
    assert.deepStrictEqual(severities(judgeSchema([["9999", "tomorrow"]])), ["error"])
    assert.deepStrictEqual(severities(judgeSchema([["1", "init"]])), ["info"])
    const outbox = { records: 5, seconds: 10, bytes: 100, refused: 0 }
    assert.deepStrictEqual(judgeOutbox([outbox]), [])
    assert.deepStrictEqual(severities(judgeOutbox([{ ...outbox, seconds: 100, refused: 2 }])), ["warning", "warning"])
    assert.deepStrictEqual(judgeRetention([{ deleted: 0, behind: 0 }]), [])
    assert.deepStrictEqual(severities(judgeRetention([{ deleted: 99, behind: 2 }])), ["warning"])
    const followed = { table: "public.latest", seconds: null, error: null, skipped: 0 }
    assert.deepStrictEqual(judgeMaterialised([followed, { ...followed, seconds: 10, error: "locked" }]), [])
    const standing = judgeMaterialised([{ ...followed, seconds: 100, error: "locked", skipped: 2 }])
    assert.deepStrictEqual(severities(standing), ["warning", "info"])
    assert.deepStrictEqual(judgeAcls([{ everybody: 0, strange_groups: [], strange_users: [] }]), [])
    const strange = { everybody: 1, strange_groups: ["Group:gone"], strange_users: ["User:gone", "User:CN=app"] }
    assert.deepStrictEqual(severities(judgeAcls([strange])), ["info", "warning", "info"])
    assert.deepStrictEqual(judgeSecrets([{ unusable: [], readers: [], expired: 0 }]), [])
    const told = judgeSecrets([{ unusable: ["ann"], readers: ["reports", "public"], expired: 2 }])
    assert.deepStrictEqual(severities(told), ["error", "warning", "info"])
    assert.deepStrictEqual(seen(told), [
      "kafka.scram_users and kafka.delegation_tokens can be read by reports, public",
      "users of kafka.scram_users with other than 4096 to 16384 iterations: ann",
      "2 delegation tokens expired more than a day ago, and are still there"
    ])
    assert.deepStrictEqual(judgePublications([]), [])
  })

  it("of the network weighs what was measured", () => {
    assert.deepStrictEqual(severities(judgeTrip([0.2, 0.3, 9])), ["info"])
    assert.deepStrictEqual(severities(judgeTrip([5, 6, 7])), ["warning"])
    assert.deepStrictEqual(seen(judgeCommit([1, 2, 80])), ["a commit takes 2.00 ms, the slowest of 3 80 ms"])
    assert.deepStrictEqual(severities(judgeCommit([60, 60, 80])), ["warning"])
    assert.deepStrictEqual(judgeClock({ ahead: 1.5, uncertain: 0.6 }), [])
    assert.deepStrictEqual(severities(judgeClock({ ahead: -3, uncertain: 0 })), ["warning"])
    assert.deepStrictEqual(severities(judgeClock({ ahead: 3600, uncertain: 1 })), ["error"])
    assert.deepStrictEqual(judgeTls(false, "127.0.0.1", undefined), [])
    assert.deepStrictEqual(severities(judgeTls(false, "db.example", undefined)), ["warning"])
    const broken = { line: 3, type: "host", address: null, method: null, error: "invalid" }
    assert.deepStrictEqual(severities(judgeHba([broken])), ["warning"])
  })

  it("of a broker knows where clients end up", () => {
    const here = { host: "127.0.0.1", port: 9092 }
    const there = { host: "kafka.example", port: 9092 }
    const facts = { asked: [there], clusterId: "a", expected: "a", advertised: [[there, null]] as const }
    assert.deepStrictEqual(severities(judgeBroker(facts)), ["info"])
    assert.deepStrictEqual(severities(judgeBroker({ ...facts, advertised: [[here, null]] })), ["warning"])
    assert.deepStrictEqual(severities(judgeBroker({ ...facts, asked: [here], advertised: [[here, null]] })), ["info"])
    assert.deepStrictEqual(severities(judgeBroker({ ...facts, expected: "b", advertised: [] })), ["error", "error"])
    assert.deepStrictEqual(seen(judgeBroker({ ...facts, expected: undefined, advertised: [[there, "refused"]] })), [
      "clients are told to go to kafka.example:9092, which is not reached from here: refused"
    ])
  })

  it("of the disk weighs what is free", () => {
    const of = (free: number) => severities(judgeDisk({ database: GB, volume: { free, size: 100 * GB } }))
    assert.deepStrictEqual([of(50 * GB), of(5 * GB), of(GB / 2)], [["info"], ["warning"], ["error"]])
    assert.deepStrictEqual(severities(judgeDisk({ database: GB, volume: null })), ["info"])
  })
})

describe("a check", () => {
  it.effect("that breaks is a finding, and never more", () =>
    Effect.gen(function* () {
      const patient = {} as Patient
      const [broken] = yield* examine(patient, { name: "x", look: () => Effect.die(new Error("bug")) })
      assert.strictEqual(broken!.seen, "could not look: Error: bug")
      assert.strictEqual(broken!.check, "x")
    })
  )
})

describe("findings", () => {
  it("are told from what hurts most down", () => {
    const of = (severity: "error" | "warning" | "info") => ({ severity, check: "c", seen: "", why: "", remedy: "" })
    assert.deepStrictEqual(severities(bySeverity([of("info"), of("error"), of("warning")])), [
      "error",
      "warning",
      "info"
    ])
  })

  it("have sizes and times that a person reads", () => {
    assert.deepStrictEqual([inBytes(100), inBytes(1536), inBytes(200 * GB)], ["100 B", "1.5 kB", "200 GB"])
    assert.deepStrictEqual([inTime(5), inTime(600), inTime(7200), inTime(200_000)], ["5 s", "10 min", "2 h", "2 days"])
  })
})
