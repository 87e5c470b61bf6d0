import type { Scenario } from "../World.ts"
import { asynchronous } from "./asynchronous.ts"
import { objects } from "./objects.ts"
import { reads } from "./reads.ts"
import { restarts } from "./restarts.ts"
import { slow } from "./slow.ts"
import { stalls } from "./stalls.ts"
import { stopped } from "./stopped.ts"
import { synchronous } from "./synchronous.ts"

/** In the order of a run. */
export const scenarios: ReadonlyArray<Scenario> = [
  ...synchronous,
  ...asynchronous,
  ...restarts,
  ...stopped,
  ...reads,
  ...stalls,
  ...slow,
  ...objects
]
