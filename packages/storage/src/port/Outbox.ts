import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** What a row of the outbox is known by. Both are int64. */
export interface OutboxKey {
  /** The transaction that wrote it. */
  readonly xid: bigint
  /** Rises with each call: the order within a session. */
  readonly id: bigint
}

/** A record that an SQL session produced. */
export interface OutboxRecord extends OutboxKey {
  readonly partitionId: number
  /** Milliseconds since 1970. */
  readonly timestamp: bigint
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | null }>
}

/** An offset that an SQL session committed for a group, or a claim that it gave back. */
export interface OutboxOffset extends OutboxKey {
  readonly groupId: string
  readonly partitionId: number
  /** Null: the group has given its claims back. -1: it has a claim, and no offset yet. */
  readonly committedOffset: bigint | null
  readonly timestamp: bigint
}

export type OutboxRow = OutboxRecord | OutboxOffset

export const isOutboxOffset = (row: OutboxRow): row is OutboxOffset => "groupId" in row

/** What is asked of a pass. */
export interface OutboxRequest {
  /** The snapshot of the pass before: what it saw is not told again. Undefined: everything. */
  readonly since: string | undefined
  /** Only what this snapshot sees. */
  readonly within?: string | undefined
  /** Partitions of which nothing is wanted now. */
  readonly except: ReadonlyArray<number>
}

export interface OutboxPass {
  /** Of the moment of this pass. Opaque. */
  readonly snapshot: string
  /** In order of ids. */
  readonly rows: ReadonlyArray<OutboxRow>
  /** There is nothing else that was asked for. */
  readonly isWhole: boolean
}

/**
 * What SQL sessions hand to the broker. A pass tells what has become visible since the one before: no transaction that is
 * open is waited for, and nothing is told twice. Reads fail while this is not the cluster's writer.
 */
export interface Outbox {
  /** Lets SQL's functions know what holds for a topic without configs of its own, and for dedup keys. */
  readonly tell: (limits: OutboxLimits) => Effect.Effect<void, StoreError>
  readonly pass: (request: OutboxRequest) => Effect.Effect<OutboxPass, StoreError>
  /** As `pass`, but the keys alone, and more of them: fewer than `maxKeys` if there are no others. */
  readonly keys: (request: OutboxRequest) => Effect.Effect<ReadonlyArray<OutboxKey>, StoreError>
  readonly maxKeys: number
  /** Rows by their keys, in that order: the first of them, as far as the bytes of a pass go. What is gone is left out. */
  readonly rows: (keys: ReadonlyArray<OutboxKey>) => Effect.Effect<OutboxPart, StoreError>
  /**
   * Whether sessions notify from now on, until `rise`. False while a transaction is open that would not: the caller goes
   * on looking. `forced`: also where prepared transactions are allowed, which cannot notify.
   */
  readonly settle: (forced: boolean) => Effect.Effect<boolean, StoreError>
  /** Returns when a session has notified since `settle`, or after so long. */
  readonly woken: (limitMs: number) => Effect.Effect<void, StoreError>
  readonly rise: Effect.Effect<void, StoreError>
}

export interface OutboxLimits {
  readonly maxMessageBytes: number
  readonly cleanupPolicy: ReadonlyArray<string>
  /** For how long a dedup key is known. */
  readonly dedupWindowMs: number
}

/** The first of the rows that were asked for. */
export interface OutboxPart {
  readonly rows: ReadonlyArray<OutboxRow>
  /** How many of the keys are done with, from the first. */
  readonly count: number
}
