/** Topics, rules and users of the matrix on one broker, made by who may do everything. */
import type { Wire } from "../../../bench/groups/Wire.ts"
import { holdsWithin } from "../../../bench/groups/Report.ts"
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { pbkdf2Sync, randomBytes } from "node:crypto"
import { USERS } from "./Cases.ts"

const ITERATIONS = 4096
const HASHES = [
  [1, "sha256", 32],
  [2, "sha512", 64]
] as const

/** Apache Kafka takes one credential of a user in a request. */
export const makeUsers = async (wire: Wire, users: Readonly<Record<string, string>>): Promise<void> => {
  for (const [mechanism, hash, length] of HASHES) {
    const upsertions = Object.entries(users).map(([name, password]) => {
      const salt = randomBytes(24)
      const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, length, hash)
      return { name, mechanism, iterations: ITERATIONS, salt, saltedPassword }
    })
    const { results } = await wire.call(AlterUserScramCredentials, 0, { deletions: [], upsertions })
    const bad = results.find(({ errorCode }) => errorCode !== 0)
    if (bad !== undefined) throw new Error(`user ${bad.user} is refused: ${bad.errorMessage}`)
  }
}

/** Resolves when the broker knows of them no more. */
export const deleteUser = async (wire: Wire, name: string): Promise<void> => {
  for (const [mechanism] of HASHES) {
    const { results } = await wire.call(AlterUserScramCredentials, 0, {
      deletions: [{ name, mechanism }],
      upsertions: []
    })
    if (results[0]?.errorCode !== 0) throw new Error(`user ${name} cannot be deleted: ${results[0]?.errorMessage}`)
  }
  const isGone = async () => {
    const { results } = await wire.call(DescribeUserScramCredentials, 0, { users: [{ name }] })
    return results[0]?.errorCode === 91
  }
  if (!(await holdsWithin(20_000, isGone, 50))) throw new Error(`user ${name} does not go`)
}

const [TOPIC, GROUP, CLUSTER] = [2, 3, 4]
const [LITERAL, ALL] = [3, 2]
const [DENY, ALLOW] = [2, 3]

/** Everything is allowed to these users; certificates have names of their own. */
export const makeRules = async (wire: Wire, allowed: ReadonlyArray<string>, denied: ReadonlyArray<string>) => {
  const rules = [
    ...[...allowed, ...denied].map((user) => [user, ALLOW] as const),
    ...denied.map((user) => [user, DENY] as const)
  ]
  const creations = rules.flatMap(([user, permissionType]) =>
    [`User:${user}`, `User:CN=${user}`].flatMap((principal) =>
      [TOPIC, GROUP, CLUSTER].map((resourceType) => ({
        resourceType,
        resourceName: resourceType === CLUSTER ? "kafka-cluster" : "*",
        resourcePatternType: LITERAL,
        principal,
        host: "*",
        operation: ALL,
        permissionType
      }))
    )
  )
  const { results } = await wire.call(CreateAcls, 3, { creations })
  const bad = results.find(({ errorCode }) => errorCode !== 0)
  if (bad !== undefined) throw new Error(`a rule is refused: ${bad.errorMessage}`)
}

/** Topics of one partition that has a leader, and a coordinator for groups. */
export const makeTopics = async (wire: Wire, names: ReadonlyArray<string>): Promise<void> => {
  const topics = names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }))
  await wire.call(CreateTopics, 7, { topics, timeoutMs: 30_000 })
  const areThere = async () => {
    const metadata = await wire.call(Metadata, 9, { topics: names.map((name) => ({ name })) })
    const found = await wire.call(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ["matrix"] })
    const lead = metadata.topics.every(({ partitions }) => partitions[0]?.leaderId === 1)
    return lead && found.coordinators[0]?.errorCode === 0
  }
  if (!(await holdsWithin(60_000, areThere, 100))) throw new Error("topics without a leader, or no coordinator")
}

/** Users, rules and topics that are there from the beginning. */
export const makeWorld = async (wire: Wire, own: ReadonlyArray<string>, topics: ReadonlyArray<string>) => {
  await makeUsers(wire, USERS)
  await makeRules(wire, ["right", ...own], ["denied"])
  await makeTopics(wire, topics)
}
