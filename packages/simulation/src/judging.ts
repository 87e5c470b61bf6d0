import type { Api } from "@tusk/protocol/codec/Api"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import type { Database } from "./Database.ts"
import type { History } from "./History.ts"
import { REQUEST_TIMEOUT_MS } from "./limits.ts"
import type { World } from "./World.ts"

/** What an answer is held against, and where a violation goes. */
export interface Evidence {
  readonly world: World
  readonly database: Database
  readonly history: History
}

/** The client that gets the answer. */
export interface Asker {
  readonly name: string
  /** What it asks for may fail by what it is. */
  readonly isNuisance: boolean
}

/** APIs with answers that are read from what the writer has. */
const READS = new Set([
  AlterPartitionReassignments.key,
  DescribeAcls.key,
  DescribeQuorum.key,
  DescribeConfigs.key,
  Fetch.key,
  FindCoordinator.key,
  ListOffsets.key,
  Metadata.key,
  OffsetFetch.key,
  OffsetForLeaderEpoch.key
])
const UNKNOWN_SERVER_ERROR = -1
/** The broker is not the one to be asked, or cannot store or read. */
const [NOT_LEADER, STORAGE, NOT_AVAILABLE, NOT_COORDINATOR] = [6, 56, 15, 16]
const ASK_ANOTHER = new Set([NOT_LEADER, NOT_AVAILABLE, NOT_COORDINATOR])
/** What was wrong a moment before may show a moment later. */
const MOMENT_MS = 1000

/** Looks at an answer, whatever it is: may this broker answer so now? `turns`: another one is to be asked. */
export const judge = (
  { database, history, world }: Evidence,
  { isNuisance, name }: Asker,
  broker: string,
  api: Api<any, any>,
  sentMs: number,
  answer: unknown
): { readonly turns: boolean } => {
  const codes: Array<number> = []
  collect(answer, codes)
  const about = () => `${broker} answers ${name}'s ${api.name} after ${world.nowMs - sentMs} ms`
  const ageMs = database.reigns.isUnproven(broker, sentMs)
  // From the moment it can know, and 5 s after its last proof at the latest.
  if (ageMs !== undefined && READS.has(api.key) && codes.includes(0)) {
    history.violate("E4", `${about()} at ${world.elapsedMs}, ${ageMs} ms after its last proof`)
  }
  if (!isNuisance) {
    const fault = codes.find((code) => code === UNKNOWN_SERVER_ERROR || code === NOT_LEADER || code === STORAGE)
    // What others ask for may cost time.
    const isQuick = world.nowMs - sentMs < REQUEST_TIMEOUT_MS
    const isSound = isQuick && database.isSound(broker, sentMs - MOMENT_MS)
    if (fault === UNKNOWN_SERVER_ERROR || (fault !== undefined && isSound)) {
      history.violate("E5", `${about()} at ${world.elapsedMs} with ${fault}, by no fault of its own`)
    }
  }
  return { turns: codes.some((code) => ASK_ANOTHER.has(code)) }
}

/** Error codes, of the innermost things that have one. */
const collect = (value: unknown, into: Array<number>): boolean => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false
  let found = false
  const children = Array.isArray(value) ? value : Object.values(value)
  for (const child of children) if (collect(child, into)) found = true
  const { errorCode } = value as { readonly errorCode?: unknown }
  if (found || typeof errorCode !== "number") return found
  into.push(errorCode)
  return true
}
