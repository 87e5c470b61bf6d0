/** The transaction coordinator's settings, by Kafka's names if it has them. */
export interface TransactionConfig {
  /** `transaction.max.timeout.ms`: INVALID_TRANSACTION_TIMEOUT for a producer that wants more. */
  readonly maxTimeoutMs: number
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms`. */
  readonly abortIntervalMs: number
  /** `transactional.id.expiration.ms`: an id without an open transaction is forgotten after so long. */
  readonly expirationMs: number
  /** `transaction.remove.expired.transaction.cleanup.interval.ms`. */
  readonly expirationIntervalMs: number
  /** Transactional ids at one time; one more is refused with POLICY_VIOLATION. */
  readonly maxIds: number
  /** Bytes of a transactional id, as it is stored: INVALID_REQUEST for a longer one. */
  readonly maxIdBytes: number
}

/** The server's settings take their defaults from here. */
export const defaultTransactionConfig: TransactionConfig = {
  maxTimeoutMs: 900_000,
  abortIntervalMs: 10_000,
  expirationMs: 604_800_000,
  expirationIntervalMs: 3_600_000,
  maxIds: 100_000,
  maxIdBytes: 1024
}
