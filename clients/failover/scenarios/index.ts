import type { Scenario } from "../World.ts"
import { restarts } from "./restarts.ts"
import { synchronous } from "./synchronous.ts"

export const scenarios: ReadonlyArray<Scenario> = [...synchronous, ...restarts]
