import { expect, it } from "@effect/vitest"
import { Tusk } from "../src/Tusk.ts"
import type {
  AwaitOptions,
  Bytes,
  CutFault,
  DelayFault,
  ErrorFault,
  Fault,
  FaultTarget,
  Headers,
  KafkaRecord,
  NewRecord,
  ReadOptions,
  RecordPlace,
  StartOptions,
  TestClock,
  TestFaults,
  TopicOptions
} from "../src/Tusk.ts"

const refused: ReadonlyArray<readonly [given: unknown, message: string]> = [
  [{ topic: "orders" }, 'Tusk.start: unknown key "topic"; did you mean "topics"?'],
  [{ topics: [{ nam: "orders" }] }, 'topics[0]: unknown key "nam"; did you mean "name"?'],
  [{ topics: ["a", { partitions: 3 }] }, "topics[1]: it has no name"],
  [{ topics: "orders" }, "topics: a list is expected"],
  [{ topics: [{ name: "a", partitions: 0 }] }, "topics[0].partitions: 0 is not a whole number of 1 or more"],
  [
    { topics: [{ name: "a", configs: { "cleanup.polic": "compact" } }] },
    'topics[0].configs: unknown key "cleanup.polic"; did you mean "cleanup.policy"?'
  ],
  [
    { topics: [{ name: "a", configs: { "cleanup.policy": "compacted" } }] },
    "Invalid value compacted for configuration cleanup.policy"
  ],
  [{ topics: [{ name: "a", records: [{ valu: "x" }] }] }, 'a[0]: unknown key "valu"; did you mean "value"?'],
  [{ settings: { "num.partition": 3 } }, "settings: unknown setting num.partition; did you mean num.partitions?"],
  [{ storage: "disk" }, 'storage: disk is none of "memory", "embedded"'],
  [{ clock: "frozen" }, 'clock: frozen is none of "system", "manual"'],
  [{ storage: "embedded", memoryBytes: 1 }, "memoryBytes: not with storage embedded"],
  [{ port: 1.5 }, "port: 1.5 is not a whole number of 0 or more"],
  [{ tls: "selfsigned" }, 'tls: selfsigned is none of "self-signed"'],
  [{ user: {} }, 'Tusk.start: unknown key "user"; did you mean "users"?'],
  [{ users: "alice" }, "users: passwords by name, or a list, are expected"],
  [{ users: { alice: "" } }, "users.alice.password: a text is expected"],
  [{ users: [{ name: "a", pasword: "x" }] }, 'users[0]: unknown key "pasword"; did you mean "password"?'],
  [
    { users: [{ name: "a", password: "x", mechanism: "SCRAM" }] },
    'users[0].mechanism: SCRAM is none of "SCRAM-SHA-256", "SCRAM-SHA-512"'
  ],
  [
    {
      users: [
        { name: "a", password: "x" },
        { name: "a", password: "y" }
      ]
    },
    "users: a is named twice"
  ],
  [{ acls: {} }, "acls: a list is expected"],
  [
    { acls: [{ principal: "alice", operation: "read", topic: "t" }] },
    "acls[0].principal: alice is not a principal such as User:alice"
  ],
  [
    { acls: [{ principal: "User:alice", operation: "red", topic: "t" }] },
    'acls[0].operation: "red" is not known; did you mean "read"?'
  ],
  [
    { acls: [{ principal: "User:alice", operation: "write", group: "g" }] },
    "acls[0].operation: write is nothing that is done to a group"
  ],
  [
    { acls: [{ principal: "User:alice", operation: "read" }] },
    "acls[0]: it is about one of topic, group, transactionalId, cluster, not none"
  ],
  [
    { acls: [{ principal: "User:alice", operation: "read", topic: "t", group: "g" }] },
    "acls[0]: it is about one of topic, group, transactionalId, cluster, not topic and group"
  ],
  [
    { acls: [{ principal: "User:a", operation: "read", topics: "t" }] },
    'acls[0]: unknown key "topics"; did you mean "topic"?'
  ],
  [{ acls: [{ principal: "User:a", operation: "all", cluster: false }] }, "acls[0].cluster: false is none of true"],
  [
    { acls: [{ principal: "User:a", operation: "all", topic: "t", deny: 1 }] },
    "acls[0].deny: true or false is expected"
  ],
  [{ superUsers: ["admin"] }, "superUsers[0]: admin is not a principal such as User:alice"]
]

it.each(refused)("refuses %j by name", async (given, message) => {
  await expect(Tusk.start(given as StartOptions)).rejects.toThrow(message)
})

it("has types that refuse the same", () => {
  const typed = () => [
    // @ts-expect-error the key is topics
    Tusk.start({ topic: ["orders"] }),
    // @ts-expect-error the key is partitions
    Tusk.start({ topics: [{ name: "orders", partition: 3 }] }),
    // @ts-expect-error no such config
    Tusk.start({ topics: [{ name: "orders", configs: { "cleanup.polic": "compact" } }] }),
    // @ts-expect-error no such setting
    Tusk.start({ settings: { "num.partition": 3 } }),
    // @ts-expect-error no clock without clock: "manual"
    Tusk.start().then(({ clock }) => clock),
    // @ts-expect-error no certificate without tls: "self-signed"
    Tusk.start().then(({ ca }) => ca),
    // @ts-expect-error no such operation
    Tusk.start({ acls: [{ principal: "User:a", operation: "red", topic: "t" }] }),
    Tusk.start({ tls: "self-signed", clock: "manual" }).then(({ ca, clock }) => [ca, clock.now()]),
    // @ts-expect-error no such API
    Tusk.start().then(({ faults }) => faults.delay({ api: "Produc", ms: 1 })),
    // @ts-expect-error no such error
    Tusk.start().then(({ faults }) => faults.fail({ api: "Produce", error: "NOT_LEADER" })),
    Tusk.start({ clock: "manual", storage: "embedded" }).then(({ clock, databaseUrl }) => [clock.now(), databaseUrl])
  ]
  expect(typed).toBeTypeOf("function")
})

it("names the types of what it takes and gives", async () => {
  const value: Bytes = new Uint8Array([1])
  const headers: Headers = { trace: "1" }
  const record: NewRecord = { key: "k", value, headers }
  const topic: TopicOptions = { name: "t", records: [record] }
  await using kafka = await Tusk.start({ clock: "manual", topics: [topic] })
  const read: ReadOptions = { partition: 0, from: 0n, isolation: "read_committed" }
  const wait: AwaitOptions = { ...read, timeoutMs: 1000 }
  const [place]: ReadonlyArray<RecordPlace> = await kafka.produce("t", [record])
  const records: ReadonlyArray<KafkaRecord> = await kafka.awaitRecords("t", 2, wait)
  expect(records.map(({ offset }) => offset)).toEqual([0n, place!.offset])
  const clock: TestClock = kafka.clock
  expect(records[0]!.timestamp).toBe(clock.now())
  const faults: TestFaults = kafka.faults
  const target: FaultTarget = { api: "Produce", topic: "t" }
  const delay: DelayFault = { ...target, ms: 1 }
  const error: ErrorFault = { ...target, error: "NETWORK_EXCEPTION" }
  const cut: CutFault = { ...target, when: "after" }
  const made: ReadonlyArray<Fault> = [faults.delay(delay), faults.fail(error), faults.cut(cut)]
  expect(made.map(({ hits }) => hits)).toEqual([0, 0, 0])
})
