import type { BrokerParts } from "@tusk/server/BrokerLayer"
import type { Store } from "@tusk/storage/Store"
import type * as Layer from "effect/Layer"
import type { Database } from "./Database.ts"
import type { View } from "./World.ts"

/** A broker that is broken on purpose: parts of it replaced by such as are wrong in one thing. */
export interface Plant {
  readonly name: string
  readonly parts?: Partial<BrokerParts>
  readonly store?: (store: Store["Service"], database: Database, view: View) => Store["Service"]
  readonly tuning?: Layer.Layer<never>
}
