import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../src/commit/Active.ts"
import { Committer } from "../../src/commit/Committer.ts"
import type { StoredAcl, StoredScramCredential } from "../../src/port/Security.ts"
import type { Store } from "../../src/port/Store.ts"
import { security } from "../../src/security/security.ts"
import { SecurityOptions } from "../../src/security/SecurityLimits.ts"

const MAX = 3

const layerOf = (store: Layer.Layer<Store>) =>
  security.pipe(
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store),
    Layer.provide(
      Layer.succeed(SecurityOptions, {
        maxAcls: MAX,
        maxScramCredentials: MAX,
        maxQuotas: MAX,
        maxDelegationTokens: MAX
      })
    )
  )

export type SecurityServices = Layer.Success<ReturnType<typeof layerOf>>

/** Runs with the services of one broker over this store, then stops it. Three rows of a kind are the limit. */
export const securityOver = <A, E>(
  store: Layer.Layer<Store>,
  test: Effect.Effect<A, E, SecurityServices>
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store)), scope)
    return yield* Effect.ensuring(Effect.provide(test, context), Scope.close(scope, Exit.void))
  })

export const acl = (principal: string): StoredAcl => ({
  resourceType: "TOPIC",
  resourceName: "orders",
  patternType: "LITERAL",
  principal,
  host: "*",
  operation: "READ",
  permissionType: "ALLOW"
})

export const credential = (user: string, iterations: number): StoredScramCredential => ({
  user,
  mechanism: "SCRAM-SHA-256",
  iterations,
  salt: Buffer.from("salt"),
  storedKey: Buffer.from("stored"),
  serverKey: Buffer.from("server")
})
