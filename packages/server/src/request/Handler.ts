import type { Api } from "@tusk/protocol/codec/Api"
import { RequestTimedOut } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Operation, ResourceType } from "./Operations.ts"
import type { RequestContext } from "./RequestContext.ts"
import type { Resources } from "./Resources.ts"

/** An answer as a handler gives it: Dispatch says for how long its client is throttled. */
export type Answer<Response> = Omit<Response, "throttleTimeMs">

/** `undefined`: the request wants no answer (Produce with acks=0). */
export type Answering<Response> = Effect.Effect<Answer<Response> | undefined, KafkaError>

/** A concurrent request that holds up those behind it on its connection. */
export interface Placing<Response> {
  /** Returns when it has its place in the Committer's queue: no request behind it begins before. */
  readonly placed: Effect.Effect<void>
  readonly answer: Answering<Response>
}

/** Begins a request and gives its answer; only a concurrent request may hold up those behind it. */
export type Handle<Request, Response> = (
  request: Request,
  context: RequestContext
) => Answering<Response> | Placing<Response>

/** Is told of a request that will not run. */
export type TurnAway<Request> = (request: Request, context: RequestContext) => void

/** Whether a request brings what goes into objects. */
export type PutsObjects<Request> = (request: Request, context: RequestContext) => boolean

/** A right that an API asks for. */
export interface Right {
  readonly operation: Operation
  readonly resourceType: ResourceType
  /** For what, if not for all of a request: `a topic that it creates`. */
  readonly of?: string
}

/** One API's answers: all that Dispatch needs to know of it. */
export interface Handler<Request = any, Response = any, R = any> {
  readonly api: Api<Request, Response>
  /** Versions served; by default all that the protocol declares and Kafka advertises, and the older ones it dropped. */
  readonly versions: readonly [min: number, max: number]
  /** Versions told in ApiVersions, if they are not the same. */
  readonly advertised: readonly [min: number, max: number]
  /**
   * Admitted in the order of the connection, then runs beside the next one. Without it a request waits until all before
   * it on its connection have been answered, as in Kafka.
   */
  readonly concurrent: boolean
  /**
   * What is told is what the cluster holds, and may be told though nothing of it is stored first: only the cluster's
   * writer may tell it. So the answer is refused if this broker is not known to be the writer once it is complete.
   */
  readonly reads: boolean
  /** Says nothing of what the cluster holds: answered while this broker does not serve, too. */
  readonly always: boolean
  /**
   * How long it may wait for something else than the store, in milliseconds: `request.timeout.ms` ends it so much later.
   * Infinity: it knows itself for how long.
   */
  readonly waitsMs: (request: Request) => number
  /** For how long it may wait for something to happen before it counts as slow, in milliseconds: by default as `waitsMs`. */
  readonly ownWaitMs: (request: Request) => number
  /** What the request names, as far as its own fields tell. */
  readonly resources: (request: Request) => Resources
  /** What it asks of its principal; none: everybody may. docs/security.md has its table from here. */
  readonly asks: ReadonlyArray<Right>
  /** Whether its client waits for an answer; if not, it wants the request done though it has gone. */
  readonly isAwaited: (request: Request) => boolean
  /**
   * The refusal on which a client of this API asks again, here or elsewhere: this broker does not serve, or what it waits
   * for takes too long. Tells nothing of what becomes of the request.
   */
  readonly later: () => KafkaError
  /** Resolves the services once, at start. */
  readonly make: Effect.Effect<Handle<Request, Response>, never, R>
  /** Makes, once, what says of a concurrent request whether it waits until objects have room. */
  readonly putsObjects: Effect.Effect<PutsObjects<Request>, never, R>
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
  ) => Answer<Response> | undefined
  /** The same for some topics of a request of which others are served, if `refuse` cannot tell it of topics. */
  readonly refuseTopics?: Handler<Request, Response>["refuse"]
}

const DEFAULTS = {
  asks: [],
  concurrent: false,
  always: false,
  waitsMs: () => 0,
  isAwaited: () => true,
  later: () => new RequestTimedOut(),
  putsObjects: Effect.succeed(() => false),
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
  readonly ownWaitMs?: (request: NoInfer<Request>) => number
  readonly resources: (request: NoInfer<Request>) => Resources
  readonly asks?: ReadonlyArray<Right>
  readonly isAwaited?: (request: NoInfer<Request>) => boolean
  /** By default REQUEST_TIMED_OUT, which every client takes for what it says. */
  readonly later?: () => KafkaError
  readonly make: Effect.Effect<Handle<NoInfer<Request>, NoInfer<Response>>, never, R>
  readonly putsObjects?: Effect.Effect<PutsObjects<NoInfer<Request>>, never, NoInfer<R>>
  readonly turningAway?: Effect.Effect<TurnAway<NoInfer<Request>>, never, NoInfer<R>>
  readonly refuse: Handler<NoInfer<Request>, NoInfer<Response>>["refuse"]
  readonly refuseTopics?: Handler<NoInfer<Request>, NoInfer<Response>>["refuse"]
}): Handler<Request, Response, R> => {
  const versions = options.versions ?? [options.api.minVersion, options.api.advertised[1]]
  const ownWaitMs = options.ownWaitMs ?? options.waitsMs ?? DEFAULTS.waitsMs
  return { ...DEFAULTS, ...options, ownWaitMs, versions, advertised: options.advertised ?? versions }
}
