import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { quotaKey } from "../port/Security.ts"
import type { StoredQuota } from "../port/Security.ts"
import { Write } from "../port/Write.ts"
import type { Kept } from "./Kept.ts"
import { makeKept } from "./makeKept.ts"
import { SecurityOptions } from "./SecurityLimits.ts"

/** How much a user, a client or an address may take: one row for each entity and key. */
export class Quotas extends Context.Service<Quotas, Kept<StoredQuota>>()("@tusk/storage/security/Quotas") {
  static readonly layer = Layer.effect(
    Quotas,
    Effect.flatMap(SecurityOptions, ({ maxQuotas }) =>
      makeKept(({ quotas }) => quotas, {
        name: "quotas",
        setting: "tusk.max.quotas",
        max: maxQuotas,
        keyOf: quotaKey,
        isSame: (one, other) => one.value === other.value,
        put: (row) => Write.PutQuota(row),
        remove: ({ clientId, ip, key, user }) => Write.DeleteQuota({ user, clientId, ip, key })
      })
    )
  )
}
