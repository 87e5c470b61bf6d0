import type { BrokerParts } from "@tusk/server/BrokerLayer"
import type { Signal } from "@tusk/storage/Signal"
import type { Store } from "@tusk/storage/port/Store"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import type { Database } from "./Database.ts"
import type { View } from "./World.ts"

/** A broker that is broken on purpose: parts of it replaced by such as are wrong in one thing. */
export interface Plant {
  readonly name: string
  /** One that shows it is looked at first: else the first one. */
  readonly seed?: number
  readonly parts?: Partial<BrokerParts>
  readonly store?: (store: Store["Service"], database: Database, view: View) => Store["Service"]
  readonly objects?: (objects: ObjectStore, view: View) => ObjectStore
  /** What makes the signals of connections. */
  readonly signals?: () => Signal
}
