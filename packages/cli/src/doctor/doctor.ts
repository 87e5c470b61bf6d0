import { connect } from "@tusk/storage/pg/connection/connect"
import type { PgTarget } from "@tusk/storage/pg/options/PgOptions"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import { APPLICATION, examine, Patient } from "./Check.ts"
import type { Check } from "./Check.ts"
import { bySeverity, error } from "./Finding.ts"
import type { Finding } from "./Finding.ts"
import { diskCheck } from "./disk.ts"
import { objectCheck } from "./objects.ts"
import { networkChecks } from "./network.ts"
import { serverChecks } from "./server.ts"
import { sessionChecks } from "./sessions.ts"
import { tableChecks } from "./tables.ts"
import { installedChecks, tuskChecks } from "./tusk.ts"

/** All that is looked at, in this order; the last ones only where there is a schema. */
const checks: ReadonlyArray<Check> = [
  ...networkChecks,
  ...serverChecks,
  ...sessionChecks,
  ...tableChecks,
  diskCheck,
  ...tuskChecks
]

const isInstalled = (patient: Patient): Effect.Effect<boolean> =>
  patient.rows<{ readonly there: boolean }>("select to_regclass('kafka.migrations') is not null as there", 5000).pipe(
    Effect.map(([row]) => row?.there === true),
    Effect.orElseSucceed(() => false)
  )

/**
 * Looks at a database, check by check, and at the store of its objects if one is named; what hurts most comes first. Never fails:
 * what cannot be seen is a finding.
 */
export const diagnose = (target: PgTarget, objectStore?: ObjectStore): Effect.Effect<ReadonlyArray<Finding>> =>
  connect({ ...target, targetSessionAttrs: "any" }, APPLICATION).pipe(
    Effect.map((connection) => new Patient({ ...target, targetSessionAttrs: "any" }, connection)),
    Effect.flatMap((patient) =>
      Effect.gen(function* () {
        const found: Array<Finding> = []
        for (const check of checks) found.push(...(yield* examine(patient, check)))
        if (yield* isInstalled(patient)) {
          for (const check of [...installedChecks, objectCheck(objectStore)])
            found.push(...(yield* examine(patient, check)))
        }
        return bySeverity(found)
      }).pipe(Effect.ensuring(Effect.sync(() => patient.leave())))
    ),
    Effect.catch(({ message }) => {
      const verdict = error(`no session with Postgres: ${message}`, "Tusk does not start", "put right what it says")
      return Effect.succeed([{ check: "connect", ...verdict }])
    })
  )
