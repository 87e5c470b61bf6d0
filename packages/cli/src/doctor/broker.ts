import { connect } from "@tusk/storage/pg/connection/connect"
import type { PgTarget } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import type { ClientError } from "@tusk/client/ClientError"
import { makeKafkaClient } from "@tusk/client/KafkaClient"
import { addressText } from "@tusk/client/Transport"
import type { Address, Transport } from "@tusk/client/Transport"
import { APPLICATION, CHECK_LIMIT_MS, Patient } from "./Check.ts"
import { error, info, warning } from "./Finding.ts"
import type { Finding, Verdict } from "./Finding.ts"

/** What a broker tells clients, and what comes of it from this host. */
export interface BrokerFacts {
  readonly asked: ReadonlyArray<Address>
  readonly clusterId: string | null
  /** Of the database that was looked at; undefined: none was. */
  readonly expected: string | undefined
  /** Where clients are told to go, each with why that fails; null if it does not. */
  readonly advertised: ReadonlyArray<readonly [address: Address, failure: string | null]>
}

const isLoopback = ({ host }: Address): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")

export const judgeBroker = ({ advertised, asked, clusterId, expected }: BrokerFacts): ReadonlyArray<Verdict> => {
  const found: Array<Verdict> = []
  if (expected !== undefined && clusterId !== expected) {
    const seen = `the broker serves cluster ${clusterId ?? "unknown"}, the database holds ${expected}`
    found.push(error(seen, "clients and this check look at different clusters", "give the addresses of one cluster"))
  }
  if (advertised.length === 0)
    found.push(error("the broker names no broker", "clients have nowhere to go", "look at its log"))
  const remedy = "tusk start --advertise HOST:PORT, an address that clients reach"
  for (const [address, failure] of advertised) {
    const place = addressText(address)
    if (failure !== null) {
      const why = "a client comes in, is told that address, and goes no further"
      found.push(error(`clients are told to go to ${place}, which is not reached from here: ${failure}`, why, remedy))
    } else if (isLoopback(address) && !asked.some(isLoopback)) {
      const why = "on any other host that is the client's own machine"
      found.push(warning(`clients are told to go to ${place}`, why, remedy))
    } else found.push(info(`clients are told to go to ${place}, and get there`, "what is advertised is what they use"))
  }
  return found
}

/** The id of the cluster that a database holds; undefined if it holds none, or does not tell. */
const clusterIdOf = (target: PgTarget): Effect.Effect<string | undefined> =>
  Effect.acquireUseRelease(
    Effect.map(connect(target, APPLICATION), (connection) => new Patient(target, connection)),
    (patient) => patient.rows<{ readonly id: string }>("select cluster_id as id from kafka.cluster", CHECK_LIMIT_MS),
    (patient) => Effect.sync(() => patient.leave())
  ).pipe(
    Effect.map(([row]) => row?.id),
    Effect.orElseSucceed(() => undefined)
  )

const look = (asked: ReadonlyArray<Address>, softwareVersion: string, target: PgTarget | undefined) =>
  Effect.gen(function* () {
    const limits = { requestTimeoutMs: CHECK_LIMIT_MS, retryMs: 0 }
    const client = yield* makeKafkaClient({ bootstrap: asked, clientId: "tusk-doctor", softwareVersion, ...limits })
    const { brokers, clusterId } = yield* client.metadata([])
    const advertised = yield* Effect.forEach(brokers, ([id, address]) =>
      Effect.match(client.broker(id), {
        onFailure: ({ message }: ClientError) => [address, message] as const,
        onSuccess: () => [address, null] as const
      })
    )
    const expected = target === undefined ? undefined : yield* clusterIdOf(target)
    return judgeBroker({ asked, clusterId, expected, advertised })
  }).pipe(Effect.scoped)

/** Looks at a broker as its clients do, from this host. Never fails. */
export const diagnoseBroker = (
  asked: ReadonlyArray<Address>,
  softwareVersion: string,
  target: PgTarget | undefined
): Effect.Effect<ReadonlyArray<Finding>, never, Transport> =>
  look(asked, softwareVersion, target).pipe(
    Effect.catch(({ message }) =>
      Effect.succeed([
        error(message, "no client gets to a broker there", "start Tusk, or give the address it listens on")
      ])
    ),
    Effect.map((verdicts) => verdicts.map((verdict) => ({ check: "broker", ...verdict })))
  )
