import * as Layer from "effect/Layer"
import { Acls } from "./Acls.ts"
import { DelegationTokens } from "./DelegationTokens.ts"
import { Quotas } from "./Quotas.ts"
import { ScramCredentials } from "./ScramCredentials.ts"
import { SqlChanges, watchSqlChanges } from "./SqlChanges.ts"

/** Who may do what, who gets in, and how much. */
export const security = watchSqlChanges.pipe(
  Layer.provideMerge(Layer.mergeAll(Acls.layer, ScramCredentials.layer, Quotas.layer, DelegationTokens.layer)),
  Layer.provide(SqlChanges.layer)
)
