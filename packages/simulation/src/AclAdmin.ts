import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import {
  codesOf,
  OPERATIONS,
  PATTERN_TYPES,
  PERMISSION_TYPES,
  RESOURCE_TYPES,
  wordOf
} from "@tusk/server/security/acl/AclWords"
import type { StoredAcl } from "@tusk/storage/port/Security"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { USERS } from "./limits.ts"

/** The group that users ask to join. */
export const GUARDED_GROUP = "guarded"
/** In filters. */
const ANY = 1

type Words = readonly [type: string, name: string, pattern: string, operation: string, permission: string]

/** Without these the users would see nothing at all. */
const USUAL: Words = ["TOPIC", "open", "LITERAL", "ALL", "ALLOW"]
/** What comes and goes: rows that overlap. */
const CHANGING: ReadonlyArray<Words> = [
  USUAL,
  ["TOPIC", "secret", "LITERAL", "READ", "ALLOW"],
  ["TOPIC", "secret", "LITERAL", "READ", "ALLOW"],
  ["TOPIC", "secret", "LITERAL", "WRITE", "ALLOW"],
  ["TOPIC", "secret", "LITERAL", "WRITE", "ALLOW"],
  ["TOPIC", "sec", "PREFIXED", "READ", "ALLOW"],
  ["TOPIC", "secret", "LITERAL", "READ", "DENY"],
  ["TOPIC", "*", "LITERAL", "WRITE", "DENY"],
  ["TOPIC", "*", "LITERAL", "DESCRIBE", "DENY"],
  ["GROUP", GUARDED_GROUP, "LITERAL", "READ", "ALLOW"]
]

const rowOf = (
  user: string,
  [resourceType, resourceName, patternType, operation, permissionType]: Words
): StoredAcl => ({
  resourceType,
  resourceName,
  patternType,
  principal: `User:${user}`,
  host: "*",
  operation,
  permissionType
})

const tellRow = ({ operation, patternType, permissionType, principal, resourceName }: StoredAcl): string =>
  `${principal} ${permissionType} ${operation} ${patternType} ${resourceName}`

/** Somebody who gives users rights and takes them away, and looks at what there is. */
export const aclAdmin = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "acls")
    const { chance } = client
    const usual = USERS.map((user) => rowOf(user, USUAL))
    yield* Effect.eventually(create(client, history, usual))
    while (true) {
      yield* Effect.sleep(chance.between(100, 1500))
      const row = rowOf(chance.pick(USERS), chance.pick(CHANGING))
      const change = chance.permille(600) ? create(client, history, [row]) : remove(client, history, row)
      yield* Effect.ignore(change)
      if (chance.permille(300)) yield* Effect.ignore(describeAcls(client, history))
    }
  })

const create = (client: Client, history: History, rows: ReadonlyArray<StoredAcl>) =>
  Effect.gen(function* () {
    const { results } = yield* client.call(CreateAcls, 3, {
      creations: rows.map((row) => {
        const { operation, patternType, permissionType, resourceType } = codesOf(row)
        const { host, principal, resourceName } = row
        return {
          resourceType,
          resourceName,
          resourcePatternType: patternType,
          principal,
          host,
          operation,
          permissionType
        }
      })
    })
    rows.forEach((row, i) => {
      const { errorCode } = results[i]!
      client.log(`creates ${tellRow(row)}: error ${errorCode}`)
      if (errorCode === 0) history.rights.changed(client.asked, row, true)
    })
  })

const remove = (client: Client, history: History, row: StoredAcl) =>
  Effect.gen(function* () {
    const { operation, patternType, permissionType, resourceType } = codesOf(row)
    const { filterResults } = yield* client.call(DeleteAcls, 3, {
      filters: [
        {
          resourceTypeFilter: resourceType,
          resourceNameFilter: row.resourceName,
          patternTypeFilter: patternType,
          principalFilter: row.principal,
          hostFilter: row.host,
          operation,
          permissionType
        }
      ]
    })
    const { errorCode, matchingAcls } = filterResults[0]!
    client.log(`deletes ${tellRow(row)}: error ${errorCode}, ${matchingAcls.length} were there`)
    if (errorCode === 0) history.rights.changed(client.asked, row, false)
  })

/** Whether they were told. */
export const describeAcls = (client: Client, history: History) =>
  Effect.gen(function* () {
    const answer = yield* client.call(DescribeAcls, 3, {
      resourceTypeFilter: ANY,
      resourceNameFilter: null,
      patternTypeFilter: ANY,
      principalFilter: null,
      hostFilter: null,
      operation: ANY,
      permissionType: ANY
    })
    if (answer.errorCode !== 0) return false
    const rows = answer.resources.flatMap(({ acls, patternType, resourceName, resourceType }) =>
      acls.map(({ host, operation, permissionType, principal }) => ({
        resourceType: wordOf(RESOURCE_TYPES, resourceType),
        resourceName,
        patternType: wordOf(PATTERN_TYPES, patternType),
        principal,
        host,
        operation: wordOf(OPERATIONS, operation),
        permissionType: wordOf(PERMISSION_TYPES, permissionType)
      }))
    )
    client.log(`finds ${rows.length} ACLs`)
    const { asked } = client
    history.rights.described(asked, rows)
    return !asked.isBehind
  })
