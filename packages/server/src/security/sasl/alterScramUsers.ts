import {
  DuplicateResource,
  ResourceNotFound,
  UnacceptableCredential,
  UnsupportedSaslMechanism
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type {
  AlterUserScramCredentialsRequest,
  ScramCredentialUpsertion
} from "@tusk/protocol/messages/AlterUserScramCredentials"
import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { NO_BYTES } from "./Exchange.ts"
import { keysOf, MAX_ITERATIONS, MIN_ITERATIONS, SCRAM, SCRAM_MECHANISMS } from "./ScramKeys.ts"
import type { ScramMechanism } from "./ScramKeys.ts"

/** What came of each user; undefined: it is done. */
export type UserOutcomes = ReadonlyMap<string, KafkaError | undefined>

type Rows = ReadonlyMap<string, StoredScramCredential>

/** By the number that Kafka's messages have for it; undefined for a number that is none. */
const scramMechanism = (type: number): ScramMechanism | undefined =>
  SCRAM_MECHANISMS.find((name) => SCRAM[name].type === type)

const keyRow = (user: string, mechanism: string): StoredScramCredential => ({
  user,
  mechanism,
  iterations: 0,
  salt: NO_BYTES,
  storedKey: NO_BYTES,
  serverKey: NO_BYTES
})

/**
 * What a request makes of the credentials: pure, with Apache Kafka's checks and words (KIP-554). A user that is wrong is
 * left as it is, the others are changed.
 */
export const alterScramUsers = (
  { deletions, upsertions }: AlterUserScramCredentialsRequest,
  present: Rows,
  keyOf: (row: StoredScramCredential) => string
): { readonly rows: Rows; readonly outcomes: UserOutcomes } => {
  const errors = new Map<string, KafkaError>()
  const changes = new Map<string, readonly [key: string, row: StoredScramCredential | undefined]>()
  const each = (name: string, wrong: () => KafkaError | undefined, change: () => [string, StoredScramCredential?]) => {
    if (errors.has(name)) return
    const error = changes.delete(name)
      ? new DuplicateResource({ message: "A user credential cannot be altered twice in the same request" })
      : wrong()
    if (error !== undefined) return void errors.set(name, error)
    const [key, row] = change()
    changes.set(name, [key, row])
  }
  for (const { mechanism, name } of deletions) {
    const key = keyOf(keyRow(name, scramMechanism(mechanism) ?? ""))
    const missing = () =>
      present.has(key)
        ? undefined
        : new ResourceNotFound({ message: "Attempt to delete a user credential that does not exist" })
    each(
      name,
      () => misnamed(name, mechanism) ?? missing(),
      () => [key]
    )
  }
  for (const upsertion of upsertions) {
    const { mechanism, name } = upsertion
    each(
      name,
      () => misnamed(name, mechanism) ?? unacceptable(upsertion),
      () => {
        const row = rowOf(upsertion, scramMechanism(mechanism)!)
        return [keyOf(row), row]
      }
    )
  }
  return { rows: changed(present, changes.values()), outcomes: new Map([...outcomesOf(changes.keys()), ...errors]) }
}

const outcomesOf = (users: Iterable<string>) => Array.from(users, (user) => [user, undefined] as const)

const changed = (present: Rows, changes: Iterable<readonly [string, StoredScramCredential | undefined]>): Rows => {
  const rows = new Map(present)
  for (const [key, row] of changes) {
    if (row === undefined) rows.delete(key)
    else rows.set(key, row)
  }
  return rows
}

const misnamed = (name: string, mechanism: number): KafkaError | undefined => {
  if (name === "") return new UnacceptableCredential({ message: "Username must not be empty" })
  return scramMechanism(mechanism) === undefined
    ? new UnsupportedSaslMechanism({ message: "Unknown SCRAM mechanism" })
    : undefined
}

const unacceptable = ({ iterations }: ScramCredentialUpsertion): KafkaError | undefined => {
  if (iterations < MIN_ITERATIONS) return new UnacceptableCredential({ message: "Too few iterations" })
  return iterations > MAX_ITERATIONS ? new UnacceptableCredential({ message: "Too many iterations" }) : undefined
}

/** The client has salted and hashed the password, and sends neither: what it sends is not kept either. */
const rowOf = (
  { iterations, name, salt, saltedPassword }: ScramCredentialUpsertion,
  mechanism: ScramMechanism
): StoredScramCredential => ({
  user: name,
  mechanism,
  iterations,
  // A view on the request's frame.
  salt: Uint8Array.from(salt),
  ...keysOf(mechanism, saltedPassword)
})
