/** Codes of Kafka 4.3.1 that nothing in Tusk raises. They have names, so that any broker's answer can be printed. */
import type { ErrorInfo } from "./define.ts"

const final = {
  INVALID_FETCH_SIZE: 4,
  BROKER_NOT_AVAILABLE: 8,
  STALE_CONTROLLER_EPOCH: 11,
  RECORD_LIST_TOO_LARGE: 18,
  INVALID_COMMIT_OFFSET_SIZE: 28,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  UNKNOWN_PRODUCER_ID: 59,
  REASSIGNMENT_IN_PROGRESS: 60,
  STALE_BROKER_EPOCH: 77,
  INCONSISTENT_VOTER_SET: 94,
  FEATURE_UPDATE_FAILED: 96,
  PRINCIPAL_DESERIALIZATION_FAILURE: 97,
  SNAPSHOT_NOT_FOUND: 98,
  POSITION_OUT_OF_RANGE: 99,
  DUPLICATE_BROKER_REGISTRATION: 101,
  INELIGIBLE_REPLICA: 107,
  NEW_LEADER_ELECTED: 108,
  OFFSET_MOVED_TO_TIERED_STORAGE: 109,
  UNKNOWN_CONTROLLER_ID: 116,
  INVALID_REGISTRATION: 119,
  FENCED_STATE_EPOCH: 124,
  INVALID_VOTER_KEY: 125,
  DUPLICATE_VOTER: 126,
  VOTER_NOT_FOUND: 127,
  REBOOTSTRAP_REQUIRED: 129,
  STREAMS_INVALID_TOPOLOGY_EPOCH: 131,
  STREAMS_TOPOLOGY_FENCED: 132
}

const again = {
  REPLICA_NOT_AVAILABLE: 9,
  NETWORK_EXCEPTION: 13,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  NOT_CONTROLLER: 41,
  CONCURRENT_TRANSACTIONS: 51,
  LISTENER_NOT_FOUND: 72,
  OFFSET_NOT_AVAILABLE: 78
}

/** Kafka's name of an error that nothing here raises. */
export type UnraisedName = keyof typeof final | keyof typeof again

const named = (codes: { readonly [name: string]: number }, retriable: boolean): ReadonlyArray<ErrorInfo> =>
  Object.entries(codes).map(([name, code]) => ({ code, name, retriable, text: null }))

/** What is known of them, in no order. */
export const unraised: ReadonlyArray<ErrorInfo> = [...named(final, false), ...named(again, true)]
