import type { ServerIdentity } from "../../port/CommitStore.ts"

/** What the owner object says: whose the objects of a cluster are. */
export interface OwnerRecord extends ServerIdentity {
  readonly clusterId: string
  /** Of the reign that wrote it; 0: `tusk object adopt` did, for whichever reign of this database comes. */
  readonly epoch: number
  /** The process that wrote it, by a word of its own; "" for `tusk object adopt`. */
  readonly writer: string
  /** When, in milliseconds of the writer's clock: for people. */
  readonly writtenAt: number
}

/** Names of a cluster's objects begin with this. */
export const prefixOf = (clusterId: string): string => `${clusterId}/`

/** The name of the object that tells whose they are. */
export const ownerName = (clusterId: string): string => `${clusterId}/owner`

export const encodeOwner = (record: OwnerRecord): Uint8Array => Buffer.from(`${JSON.stringify(record)}\n`)

const TEXTS = ["clusterId", "systemIdentifier", "timeline", "place", "writer"] as const
const NUMBERS = ["epoch", "writtenAt"] as const

/** Undefined: it is no such record. */
export const decodeOwner = (value: Uint8Array): OwnerRecord | undefined => {
  let found: unknown
  try {
    found = JSON.parse(Buffer.from(value).toString("utf8"))
  } catch {
    return undefined
  }
  if (typeof found !== "object" || found === null) return undefined
  const fields = found as Readonly<Record<string, unknown>>
  const isWhole =
    TEXTS.every((name) => typeof fields[name] === "string") &&
    NUMBERS.every((name) => Number.isSafeInteger(fields[name]))
  return isWhole ? (fields as unknown as OwnerRecord) : undefined
}

/** A database, for people. */
export const databaseOf = ({ place, systemIdentifier, timeline }: ServerIdentity): string =>
  `system ${systemIdentifier} timeline ${timeline} place ${place}`
