import type { Api } from "@tusk/protocol/codec/Api"
import { RequestTimedOut } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Places } from "./Places.ts"

/** Where a connection came in, and what clients are told to connect to. */
export interface Listener {
  readonly name: string
  /** What clients are told: `--advertise`, else where it listens, else the connection's own local address. */
  readonly advertisedHost: string
  readonly advertisedPort: number
}

/** A connection, as handlers may know it. */
export interface ConnectionInfo {
  readonly id: number
  readonly listener: Listener
  /** The client's address without port; "" where there is none, as in simulation. */
  readonly clientHost: string
  /** Set by ApiVersions 3+ (KIP-511). */
  clientSoftwareName: string
  clientSoftwareVersion: string
  /** No more will come from the client. */
  isGone: boolean
  /** The broker stops: what waits is answered now, with what there is. */
  isStopping: boolean
  /**
   * Calls when nobody is to wait any longer, as the client has gone or the broker stops, at once where that is so already:
   * for who waits for long and changes nothing. For one request at a time, not a concurrent one.
   */
  readonly onEnding: (ending: () => void) => void
  /** Takes off what `onEnding` was given. */
  readonly offEnding: (ending: () => void) => void
  /** Runs once the answer to the request that is worked on is written, or the connection is over; not a concurrent one's. */
  answered: (() => void) | undefined
  /** Runs when the connection is over, whoever ended it; who no longer needs to know takes its function out. */
  readonly onEnd: Set<() => void>
  /** In which order its concurrent requests come to the Committer. */
  readonly places: Places
  /** Set by a concurrent request that came while too much waits already: the next one waits for this. */
  placing: Effect.Effect<void> | undefined
  /** Ends the connection, with a reason for the log: for a request that has no other way of being refused. */
  close: (reason: string) => void
}

/** Ends who waits for others once the broker stops, or another one serves the cluster: the others ask that one. */
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

export interface RequestContext {
  readonly apiVersion: number
  readonly clientId: string
  readonly correlationId: number
  readonly connection: ConnectionInfo
}

/** Answers a request. `undefined`: the request wants no answer (Produce with acks=0). */
export type Handle<Request, Response> = (
  request: Request,
  context: RequestContext
) => Effect.Effect<Response | undefined, KafkaError>

/** Is told of a request that will not run. */
export type TurnAway<Request> = (request: Request, context: RequestContext) => void

/** One API's answers: all that Dispatch needs to know of it. */
export interface Handler<Request = any, Response = any, R = any> {
  readonly api: Api<Request, Response>
  /** Versions served; by default all that the protocol declares and Kafka advertises, and the older ones it dropped. */
  readonly versions: readonly [min: number, max: number]
  /** Versions told in ApiVersions, where they are not the same. */
  readonly advertised: readonly [min: number, max: number]
  /**
   * Admitted in the order of the connection, then runs beside the next one. Without it a request waits until all before
   * it on its connection have been answered, as in Kafka.
   */
  readonly concurrent: boolean
  /**
   * What is told is what the cluster holds, and may be told though nothing of it is stored first: it has to be the cluster's
   * writer who tells. So the answer is refused if this broker is not known to be it any more once it is complete.
   */
  readonly reads: boolean
  /** Says nothing of what the cluster holds: answered while this broker does not serve, too. */
  readonly always: boolean
  /**
   * How long it may wait for something else than the store, in milliseconds: `request.timeout.ms` ends it so much later.
   * Infinity: it knows itself for how long.
   */
  readonly waitsMs: (request: Request) => number
  /** Whether its client waits for an answer; where it does not, it wants it done though it has gone. */
  readonly isAwaited: (request: Request) => boolean
  /**
   * The refusal on which a client of this API asks again, here or elsewhere: this broker does not serve, or what it waits
   * for takes too long. Tells nothing of what becomes of the request.
   */
  readonly later: () => KafkaError
  /** Resolves the services once, at start. */
  readonly make: Effect.Effect<Handle<Request, Response>, never, R>
  /**
   * Makes, once, what is told of each request that was refused or dropped while it waited for its turn: before the next
   * one on its connection has its own.
   */
  readonly turningAway: Effect.Effect<TurnAway<Request>, never, R>
  /** The answer when all of it is refused. */
  readonly refuse: (
    request: Request,
    errorCode: number,
    error: KafkaError,
    context: RequestContext
  ) => Response | undefined
}

const DEFAULTS = {
  concurrent: false,
  always: false,
  waitsMs: () => 0,
  isAwaited: () => true,
  later: () => new RequestTimedOut(),
  turningAway: Effect.succeed(() => {})
}

export const handler = <Request, Response, R>(options: {
  readonly api: Api<Request, Response>
  readonly versions?: readonly [min: number, max: number]
  readonly advertised?: readonly [min: number, max: number]
  readonly concurrent?: boolean
  readonly reads: boolean
  readonly always?: boolean
  readonly waitsMs?: (request: NoInfer<Request>) => number
  readonly isAwaited?: (request: NoInfer<Request>) => boolean
  /** By default REQUEST_TIMED_OUT, which every client takes for what it says. */
  readonly later?: () => KafkaError
  readonly make: Effect.Effect<Handle<NoInfer<Request>, NoInfer<Response>>, never, R>
  readonly turningAway?: Effect.Effect<TurnAway<NoInfer<Request>>, never, NoInfer<R>>
  readonly refuse: Handler<NoInfer<Request>, NoInfer<Response>>["refuse"]
}): Handler<Request, Response, R> => {
  const versions = options.versions ?? [options.api.minVersion, options.api.advertised[1]]
  return { ...DEFAULTS, ...options, versions, advertised: options.advertised ?? versions }
}
