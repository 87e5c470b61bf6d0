import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Active } from "../../commit/Active.ts"
import { Fenced, StoreUnavailable } from "../../port/StoreError.ts"
import { Write } from "../../port/Write.ts"
import { objectName } from "./ObjectNames.ts"
import type { PlacedObject } from "./PlacedObject.ts"

export interface NamingPorts {
  readonly active: Pick<Active["Service"], "cluster" | "clusterId" | "nowMs" | "onTakeOver" | "reign">
  readonly clock: Clock.Clock
  readonly incarnation: string
  /** `ObjectOptions` */
  readonly pointableMs: number
}

/** A new object, by whichever of our clocks says that it is older: a machine that slept has one that stood still. */
export interface NamedObject extends PlacedObject {
  readonly ageMs: () => number
}

/** The name of a new object of so many bytes, its row, and until when it may be pointed to. */
export type Naming = (bytes: number, merged: boolean, reign: number) => NamedObject

/** No name and no id is given twice. */
export const makeNaming = ({ active, clock, incarnation, pointableMs }: NamingPorts): Naming => {
  let nextId = active.cluster.nextObjectId
  let number = 0
  active.onTakeOver(({ nextObjectId }) =>
    Effect.sync(() => {
      if (nextObjectId > nextId) nextId = nextObjectId
    })
  )
  return (bytes, merged, reign) => {
    const [putMs, timeMs] = [active.nowMs(), clock.currentTimeMillisUnsafe()]
    const name = objectName(active.clusterId, { incarnation, timeMs, number: ++number })
    const write = Write.PutObject({ objectId: nextId++, name, bytes, createdAt: BigInt(timeMs), merged })
    const ageMs = () => Math.max(active.nowMs() - putMs, clock.currentTimeMillisUnsafe() - timeMs)
    const refusal = () => {
      if (active.reign() !== reign) return anotherReign()
      return ageMs() < pointableMs ? undefined : tooOld(name)
    }
    return { write, ageMs, refusal }
  }
}

export const anotherReign = () => new Fenced({ message: "the cluster was taken over after the object was put" })
const tooOld = (name: string) => new StoreUnavailable({ message: `object ${name} waited for too long for its commit` })
