import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { connect } from "./BrokerConnection.ts"
import type { BrokerConnection, ConnectionOptions } from "./BrokerConnection.ts"
import type { ClientError } from "./ClientError.ts"
import { Transport } from "./Transport.ts"
import type { Address } from "./Transport.ts"

type Opening = Deferred.Deferred<BrokerConnection, ClientError>

/** One connection for each key; opened when first asked for, and again when it is gone. */
export interface Connections {
  readonly get: (key: string, address: Address) => Effect.Effect<BrokerConnection, ClientError>
}

/** All connections live as long as the scope in which this is made. */
export const makeConnections = (
  options: ConnectionOptions
): Effect.Effect<Connections, never, Transport | Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const transport = yield* Transport
    const openings = new Map<string, Opening>()

    const open = (key: string): Opening => {
      const opening: Opening = Deferred.makeUnsafe()
      openings.set(key, opening)
      return opening
    }
    const run = (key: string, address: Address, opening: Opening) =>
      connect(address, options).pipe(
        Effect.provideService(Transport, transport),
        Scope.provide(scope),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure") openings.delete(key)
            Deferred.doneUnsafe(opening, exit)
          })
        ),
        // Not the caller's: another one may wait for the same.
        Effect.forkIn(scope)
      )

    const get = (key: string, address: Address): Effect.Effect<BrokerConnection, ClientError> =>
      Effect.suspend(() => {
        const known = openings.get(key)
        if (known !== undefined) {
          return Effect.flatMap(Deferred.await(known), (connection) => {
            if (connection.isOpen()) return Effect.succeed(connection)
            if (openings.get(key) === known) openings.delete(key)
            return get(key, address)
          })
        }
        const opening = open(key)
        return Effect.andThen(run(key, address, opening), Deferred.await(opening))
      })
    return { get }
  })
