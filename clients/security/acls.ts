import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import type { Part, WireStep } from "./Part.ts"
import { named, steps } from "./Part.ts"

const ALICE = ["--allow-principal", "User:alice"]
const add = (...args: ReadonlyArray<string>) => ["--add", ...args]
const remove = (...args: ReadonlyArray<string>) => ["--remove", "--force", ...args]

const toolSteps = steps("kafka-acls", [
  ["--list"],
  add(...ALICE, "--operation", "Read", "--topic", "orders"),
  add(...ALICE, "--operation", "Read", "--topic", "orders"),
  add(...ALICE, "--allow-principal", "User:bob", "--operation", "Read", "--operation", "Write", "--topic", "orders"),
  add("--deny-principal", "User:bad", "--deny-host", "198.51.100.3", "--operation", "Read", "--topic", "orders"),
  add(...ALICE, "--allow-host", "10.0.0.1", "--allow-host", "10.0.0.2", "--operation", "Describe", "--topic", "orders"),
  add(
    "--allow-principal",
    "User:*",
    "--allow-host",
    "*",
    "--deny-principal",
    "User:bad",
    "--operation",
    "All",
    "--topic",
    "*"
  ),
  add(...ALICE, "--producer", "--topic", "orders"),
  add(...ALICE, "--producer", "--idempotent", "--topic", "payments"),
  add(...ALICE, "--producer", "--transactional-id", "tx-1", "--topic", "payments"),
  add(...ALICE, "--consumer", "--topic", "orders", "--group", "readers"),
  add(...ALICE, "--consumer", "--producer", "--topic", "orders", "--group", "readers"),
  add(...ALICE, "--consumer", "--topic", "team-", "--group", "team-", "--resource-pattern-type", "prefixed"),
  add(...ALICE, "--operation", "Alter", "--cluster"),
  add(...ALICE, "--operation", "IdempotentWrite", "--cluster", "kafka-cluster"),
  add(...ALICE, "--operation", "Describe", "--delegation-token", "token"),
  add(...ALICE, "--operation", "CreateTokens", "--user-principal", "User:alice"),
  add("--allow-principal", "Group:readers", "--operation", "Read", "--topic", "orders"),
  add("--allow-principal", "User:CN=a,OU=b", "--operation", "Read", "--topic", "orders"),
  add(...ALICE, "--operation", "TwoPhaseCommit", "--transactional-id", "tx-1"),
  ["--list"],
  ["--list", "--topic", "orders"],
  ["--list", "--topic", "team-a"],
  ["--list", "--topic", "team-a", "--resource-pattern-type", "match"],
  ["--list", "--topic", "orders", "--resource-pattern-type", "match"],
  ["--list", "--topic", "team-", "--resource-pattern-type", "prefixed"],
  ["--list", "--topic", "team-", "--resource-pattern-type", "any"],
  ["--list", "--principal", "User:alice"],
  ["--list", "--principal", "User:alice", "--topic", "orders"],
  ["--list", "--principal", "Group:readers"],
  ["--list", "--group", "readers", "--transactional-id", "tx-1", "--cluster"],
  ["--list", "--topic", "nowhere"],
  // What is wrong with a call.
  add(...ALICE, "--operation", "Nothing", "--topic", "orders"),
  add(...ALICE, "--operation", "Read"),
  add(...ALICE, "--operation", "IdempotentWrite", "--topic", "orders"),
  add("--allow-principal", "alice", "--operation", "Read", "--topic", "orders"),
  add("--operation", "Read", "--topic", "orders"),
  add(...ALICE, "--consumer", "--topic", "orders"),
  add(...ALICE, "--operation", "Read", "--topic", "orders", "--resource-pattern-type", "match"),
  add(...ALICE, "--operation", "Read", "--topic", "orders", "--resource-pattern-type", "odd"),
  add(...ALICE, "--operation", "Read", "--topic", ""),
  add(...ALICE, "--operation", "Alter", "--cluster", "--resource-pattern-type", "prefixed"),
  [],
  remove(...ALICE, "--operation", "Read", "--topic", "orders"),
  remove("--deny-principal", "User:bad", "--deny-host", "198.51.100.3", "--operation", "Read", "--topic", "orders"),
  remove("--allow-principal", "User:nobody", "--operation", "Read", "--topic", "orders"),
  remove(...ALICE, "--producer", "--topic", "orders"),
  remove(...ALICE, "--consumer", "--topic", "team-", "--group", "team-", "--resource-pattern-type", "prefixed"),
  ["--list"],
  remove("--topic", "orders"),
  remove("--topic", "*"),
  remove("--topic", "payments", "--resource-pattern-type", "match"),
  remove("--cluster"),
  ["--list"],
  remove("--transactional-id", "tx-1", "--group", "readers", "--delegation-token", "token"),
  remove("--user-principal", "User:alice"),
  remove("--topic", "nowhere"),
  ["--list"]
])

const acl = (some: object = {}) => ({
  resourceType: 2,
  resourceName: "wire",
  resourcePatternType: 3,
  principal: "User:a",
  host: "*",
  operation: 3,
  permissionType: 3,
  ...some
})
const filter = (some: object = {}) => ({
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
  ...some
})

/** Each beside one that is as it should be. */
const ODD_ACLS: ReadonlyArray<object> = [
  ...[0, 1, -1, 4, 5, 6, 7, 99].map((resourceType) => ({ resourceType })),
  { resourceType: 4, resourceName: "kafka-cluster" },
  { resourceType: 4, resourceName: "" },
  { resourceType: 99, resourceName: "" },
  { resourceType: 99, resourcePatternType: 9, operation: 99, permissionType: 9, principal: "" },
  { resourcePatternType: 9, operation: 99, permissionType: 9, principal: "" },
  { operation: 99, permissionType: 9, principal: "" },
  { permissionType: 9, principal: "" },
  ...["", "*", "a b!", "x".repeat(300), "a\u0000b", "\u{1f600}"].map((resourceName) => ({ resourceName })),
  { resourceName: "*", resourcePatternType: 4 },
  ...[0, 1, 2, 9].map((resourcePatternType) => ({ resourcePatternType })),
  ...["", "a", "Group:x", "User:", ":x", "User:*", "Role:a:b"].map((principal) => ({ principal })),
  ...["", "nonsense", "10.0.0.0/8", "::1"].map((host) => ({ host })),
  ...[0, 1, 2, 9, 12, 15, 99].map((operation) => ({ operation })),
  ...[0, 1, 2, 9].map((permissionType) => ({ permissionType }))
]

const ODD_FILTERS: ReadonlyArray<object> = [
  ...[0, 2, 4, 99].map((resourceTypeFilter) => ({ resourceTypeFilter })),
  ...[0, 2, 3, 4, 9].map((patternTypeFilter) => ({ patternTypeFilter })),
  ...[2, 3, 4, 9].map((patternTypeFilter) => ({ patternTypeFilter, resourceNameFilter: "wire" })),
  ...["", "*", "nowhere"].map((resourceNameFilter) => ({ resourceNameFilter })),
  ...[0, 2, 3, 99].map((operation) => ({ operation })),
  ...[0, 2, 77].map((permissionType) => ({ permissionType })),
  ...["", "nocolon", "User:a"].map((principalFilter) => ({ principalFilter })),
  ...["", "*", "::1"].map((hostFilter) => ({ hostFilter }))
]

const wireSteps: ReadonlyArray<WireStep> = [
  ...[1, 2, 3].map((version) => named(CreateAcls, version, { creations: [acl(), acl()] }, "the same twice")),
  named(CreateAcls, 3, { creations: [] }, "nothing"),
  ...ODD_ACLS.map((odd) => named(CreateAcls, 3, { creations: [acl(), acl(odd)] }, JSON.stringify(odd))),
  ...[1, 2, 3].map((version) => named(DescribeAcls, version, filter(), "all")),
  ...ODD_FILTERS.map((odd) => named(DescribeAcls, 3, filter(odd), JSON.stringify(odd))),
  ...ODD_FILTERS.filter((odd) => Object.values(odd).some((value) => value === 0 || value === 77 || value === 99)).map(
    (odd) =>
      named(DeleteAcls, 3, { filters: [filter({ resourceNameFilter: "nowhere" }), filter(odd)] }, JSON.stringify(odd))
  ),
  named(DeleteAcls, 3, { filters: [] }, "nothing"),
  named(
    DeleteAcls,
    3,
    { filters: [filter({ resourceNameFilter: "wire" }), filter({ resourceNameFilter: "wire", operation: 3 })] },
    "what two filters mean"
  ),
  ...[1, 2, 3].map((version) => named(DeleteAcls, version, { filters: [filter()] }, "all")),
  named(DescribeAcls, 3, filter(), "none")
]

export const acls: Part = { name: "acls", toolSteps, wireSteps, differences: new Map() }
