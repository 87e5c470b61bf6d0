import type { StoredQuota } from "@tusk/storage/port/Security"
import { CLIENT_QUOTA_KINDS, DEFAULT } from "./QuotaKinds.ts"
import type { ClientQuotaKind } from "./QuotaKinds.ts"

/** What holds for a client: `sharedBy` names those that have the limit together. */
export interface Held {
  readonly limit: number
  readonly sharedBy: string
}

/** Quotas of one kind, by user, then by client-id; "" where a quota names none. */
type Limits = Map<string, Map<string, number>>

/** The quotas of users and clients, laid out for looking them up. */
export type QuotaTable = ReadonlyMap<ClientQuotaKind, Limits>

export const quotaTable = (quotas: Iterable<StoredQuota>): QuotaTable => {
  const table = new Map<ClientQuotaKind, Limits>()
  for (const { clientId, ip, key, user, value } of quotas) {
    const kind = CLIENT_QUOTA_KINDS.find((known) => known === key)
    // A row may be anybody's that writes SQL: what can mean nothing limits nothing.
    if (kind === undefined || ip !== "" || (user === "" && clientId === "") || !(value > 0)) continue
    let limits = table.get(kind)
    if (limits === undefined) table.set(kind, (limits = new Map()))
    const ofUser = limits.get(user) ?? new Map<string, number>()
    limits.set(user, ofUser.set(clientId, value))
  }
  return table
}

/**
 * The quota that holds, by Kafka's order: user with client-id, user with any client-id, user, any user with client-id, any user
 * with any client-id, any user, client-id, any client-id. One of a user alone is shared by the user's clients, one of a
 * client-id alone by all users of it, and each pair of user and client-id has the others for itself. Who names no client-id
 * is none of "any client-id".
 */
export const heldFor = (table: QuotaTable, kind: ClientQuotaKind, user: string, clientId: string): Held | undefined => {
  const limits = table.get(kind)
  if (limits === undefined) return undefined
  const own = limits.get(user)
  const any = limits.get(DEFAULT)
  const together = ofPair(own, clientId)
  if (together !== undefined) return { limit: together, sharedBy: `${user}\n${clientId}` }
  const users = own?.get("")
  if (users !== undefined) return { limit: users, sharedBy: `${user}\n` }
  const ofAny = ofPair(any, clientId)
  if (ofAny !== undefined) return { limit: ofAny, sharedBy: `${user}\n${clientId}` }
  const anyUsers = any?.get("")
  if (anyUsers !== undefined) return { limit: anyUsers, sharedBy: `${user}\n` }
  const clients = ofPair(limits.get(""), clientId)
  return clients === undefined ? undefined : { limit: clients, sharedBy: `\n${clientId}` }
}

const ofPair = (limits: ReadonlyMap<string, number> | undefined, clientId: string): number | undefined =>
  limits === undefined || clientId === "" ? undefined : (limits.get(clientId) ?? limits.get(DEFAULT))
