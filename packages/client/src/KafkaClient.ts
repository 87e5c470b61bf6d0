import type { Api } from "@tusk/protocol/codec/Api"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { Metadata as MetadataApi } from "@tusk/protocol/messages/Metadata"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AskOptions, BrokerConnection, Security } from "./BrokerConnection.ts"
import { BrokerUnreachable, isRetriable, refusalOf } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"
import { makeConnections } from "./Connections.ts"
import { clusterOf, metadataRequest } from "./Metadata.ts"
import type { ClusterMetadata } from "./Metadata.ts"
import { retrying } from "./retrying.ts"
import { addressText } from "./Transport.ts"
import type { Address, Transport } from "./Transport.ts"

/** What a client goes by. */
export interface ClientOptions {
  /** Brokers to begin with; one that answers is enough. */
  readonly bootstrap: ReadonlyArray<Address>
  readonly clientId: string
  readonly softwareVersion: string
  /** How long an answer may take. */
  readonly requestTimeoutMs: number
  /** How long is tried again what may succeed later. */
  readonly retryMs: number
  readonly security?: Security
}

/** A cluster of Kafka, of any vendor, from 2.x on: requests go to the broker that has to answer them. */
export class KafkaClient extends Context.Service<
  KafkaClient,
  {
    readonly options: ClientOptions
    /** What the cluster tells of the topics, or of all for null; asked anew each time. */
    readonly metadata: (topics: ReadonlyArray<string> | null) => Effect.Effect<ClusterMetadata, ClientError>
    /** The connection to a broker by its id, to a broker that can be reached, or to what runs the cluster. */
    readonly broker: (id: number) => Effect.Effect<BrokerConnection, ClientError>
    readonly anyBroker: Effect.Effect<BrokerConnection, ClientError>
    readonly controller: Effect.Effect<BrokerConnection, ClientError>
    /** The connection to the coordinator of a group. */
    readonly coordinator: (group: string) => Effect.Effect<BrokerConnection, ClientError>
    /** Asks the broker that `from` finds, and looks again if that is not the one any more. `codeOf` finds the answer's error. */
    readonly ask: <Req, Res>(
      from: Effect.Effect<BrokerConnection, ClientError>,
      api: Api<Req, Res>,
      body: Req | ((version: number) => Req),
      codeOf: (answer: Res) => ReturnType<typeof refusalOf>,
      options?: AskOptions
    ) => Effect.Effect<Res, ClientError>
  }
>()("tusk/cli/KafkaClient") {}

const GROUP = 0

/** A client whose connections live as long as the scope. Nothing is opened before the first request. */
export const makeKafkaClient = (
  options: ClientOptions
): Effect.Effect<KafkaClient["Service"], never, Transport | Scope.Scope> =>
  Effect.gen(function* () {
    const { bootstrap, clientId, requestTimeoutMs, retryMs, security, softwareVersion } = options
    const connections = yield* makeConnections({
      clientId,
      softwareVersion,
      timeoutMs: requestTimeoutMs,
      ...(security === undefined ? {} : { security })
    })
    let brokers: ReadonlyMap<number, Address> = new Map()

    const anyBroker = Effect.gen(function* () {
      let failure: ClientError | undefined
      for (const address of [...bootstrap, ...brokers.values()]) {
        const opened = yield* Effect.result(connections.get(addressText(address), address))
        if (opened._tag === "Success") return opened.success
        failure ??= opened.failure
      }
      return yield* failure ?? new BrokerUnreachable({ address: "(none)", reason: "no address is given" })
    })
    const metadata = (topics: ReadonlyArray<string> | null) =>
      Effect.gen(function* () {
        const connection = yield* anyBroker
        const cluster = clusterOf(yield* connection.ask(MetadataApi, metadataRequest(topics)))
        brokers = cluster.brokers
        return cluster
      })
    const broker = (id: number) =>
      Effect.gen(function* () {
        const address = brokers.get(id) ?? (yield* metadata([])).brokers.get(id)
        if (address !== undefined) return yield* connections.get(addressText(address), address)
        return yield* new BrokerUnreachable({ address: `(broker ${id})`, reason: "the cluster does not name it" })
      })
    const controller = Effect.gen(function* () {
      const { controllerId } = yield* metadata([])
      return yield* controllerId === -1 ? anyBroker : broker(controllerId)
    })
    const coordinator = (group: string) =>
      Effect.gen(function* () {
        const connection = yield* anyBroker
        const answer = yield* connection.ask(
          FindCoordinator,
          (version) => ({ key: version < 4 ? group : "", keyType: GROUP, coordinatorKeys: version < 4 ? [] : [group] }),
          { maxVersion: 4 }
        )
        const found = answer.coordinators[0] ?? answer
        const refusal = refusalOf(found.errorCode, `the coordinator of group ${group}`, found.errorMessage)
        if (refusal !== undefined) return yield* refusal
        return yield* connections.get(addressText(found), found)
      })
    return KafkaClient.of({
      options,
      metadata: (topics) =>
        retrying(metadata(topics), retryMs, (error) => error._tag !== "BrokerUnreachable" && isRetriable(error)),
      broker,
      anyBroker,
      controller,
      coordinator,
      ask: (from, api, body, codeOf, asked) =>
        retrying(
          Effect.gen(function* () {
            const connection = yield* from
            const answer = yield* connection.ask(api, body, asked)
            const refusal = codeOf(answer)
            return refusal === undefined ? answer : yield* refusal
          }),
          retryMs,
          again
        )
    })
  })

const UNKNOWN_TOPIC_OR_PARTITION = 3

/** Who cannot be reached, and what is not there, is told at once: a person waits. */
const again = (error: ClientError): boolean =>
  error._tag === "Refused"
    ? error.code !== UNKNOWN_TOPIC_OR_PARTITION && isRetriable(error)
    : error._tag === "ConnectionLost"
