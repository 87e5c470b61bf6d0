import { describe } from "@effect/vitest"
import { compactionCases } from "./compactionCases.ts"
import { mergeCases } from "./mergeCases.ts"
import { keptCases } from "./keptCases.ts"
import { lockAndLogCases } from "./lockAndLogCases.ts"
import { objectCases } from "./objectCases.ts"
import { objectRowCases } from "./objectRowCases.ts"
import { reignCases } from "./reignCases.ts"
import { securityCases } from "./securityCases.ts"
import { scenariosOf } from "./storeScenarios.ts"
import { tierCases } from "./tierCases.ts"
import { transactionCases } from "./transactionCases.ts"
import type { StoreBackend } from "./storeScenarios.ts"

export type { StoreBackend } from "./storeScenarios.ts"

/** States what each member of the port has to do; every backend passes all of it. */
export const storeSuite = (name: string, backend: StoreBackend): void => {
  const scenarios = scenariosOf(backend)
  describe(`Store: ${name}`, () => {
    reignCases(backend, scenarios)
    lockAndLogCases(scenarios)
    keptCases(backend, scenarios)
    compactionCases(scenarios)
    transactionCases(scenarios)
    objectCases(backend)
    tierCases(scenarios)
    mergeCases(backend)
    objectRowCases(scenarios)
    securityCases(backend)
  })
}
