import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Authorizer } from "./Authorizer.ts"
import type { Identity } from "./Identity.ts"
import type { Login } from "./Login.ts"
import type { Places } from "./Places.ts"

/** How a listener is spoken to, by Kafka's names. */
export type SecurityProtocol = "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL"

/** Where a connection came in, and what clients are told to connect to. */
export interface Listener {
  readonly name: string
  readonly protocol: SecurityProtocol
  /** What clients are told: `--advertise`, else where it listens, else the connection's own local address. */
  readonly advertisedHost: string
  readonly advertisedPort: number
}

/** A connection, as handlers may know it. */
export interface ConnectionInfo {
  readonly id: number
  readonly listener: Listener
  /** The client's address without port; "" if there is none, as in simulation. */
  readonly clientHost: string
  /** The client's port, if it has one. */
  readonly clientPort: number | undefined
  /** Who speaks on it now: another one once it has authenticated. */
  identity: Identity
  /** How it authenticates, on a SASL listener. */
  login: Login | undefined
  /** Set if nothing more is taken from it once what is worked on is answered: why, for the log. */
  endsBecause: string | undefined
  /** Says what it may do. */
  readonly authorizer: Authorizer
  /** Set by ApiVersions 3+ (KIP-511). */
  clientSoftwareName: string
  clientSoftwareVersion: string
  /** Of its last request, as the client named itself. */
  clientId?: string
  /** Why this side closes it, for the log. */
  closedBecause?: string
  /** No more will come from the client. */
  isGone: boolean
  /** No request of it begins before, in milliseconds of the monotonic clock: its client has used more than its quota. */
  mutedUntilMs: number
  /** The broker stops: what waits is answered now, with what there is. */
  isStopping: boolean
  /**
   * Calls when no request is to wait any longer, as the client has gone or the broker stops; at once if that is so
   * already. For a request that waits for long and changes nothing: one at a time, not a concurrent one.
   */
  readonly onEnding: (ending: () => void) => void
  /** Takes off what `onEnding` was given. */
  readonly offEnding: (ending: () => void) => void
  /** Released once the answer to the request that is worked on is written, or the connection is over; not a concurrent one's. */
  answered: { readonly release: () => void } | undefined
  /** Runs when the connection is over, whichever side ended it; a function that is not needed any more is taken out. */
  readonly onEnd: Set<() => void>
  /** In which order its concurrent requests come to the Committer. */
  readonly places: Places
  /** Ends the connection, with a reason for the log: for a request that has no other way of being refused. */
  close: (reason: string, level?: "Debug" | "Info") => void
}

/** Ends a wait for others once the broker stops, or another one serves the cluster: the others ask that one. */
export const failingAtEnd = (
  connection: ConnectionInfo,
  whenElsewhere: Effect.Effect<void>,
  error: () => KafkaError
): Effect.Effect<never, KafkaError> =>
  Effect.raceFirst(
    failingAtStop(connection, error),
    Effect.flatMap(whenElsewhere, () => Effect.fail(error()))
  )

/** Ends once the broker stops, with an error on which the client asks again. */
const failingAtStop = (connection: ConnectionInfo, error: () => KafkaError): Effect.Effect<never, KafkaError> =>
  Effect.callback((resume) => {
    const ending = () => {
      if (connection.isStopping) resume(Effect.fail(error()))
    }
    connection.onEnding(ending)
    return Effect.sync(() => connection.offEnding(ending))
  })
