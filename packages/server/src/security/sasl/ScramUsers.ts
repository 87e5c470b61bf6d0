import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NO_BYTES } from "./Exchange.ts"
import { MAX_ITERATIONS, MIN_ITERATIONS, SCRAM } from "./ScramKeys.ts"
import type { ScramMechanism } from "./ScramKeys.ts"
import { derivedBytes, SecretBytes } from "./Secrets.ts"

/** A credential to check a client against. */
export interface KnownCredential {
  readonly credential: StoredScramCredential
  /** Nobody has it: the client is led through every step all the same, and refused at the last. */
  readonly isDecoy: boolean
}

/** The users of `kafka.scram_users`. */
export class ScramUsers extends Context.Service<
  ScramUsers,
  {
    /** What is stored of this user; if nothing is, something made up that looks the same each time it is asked for. */
    readonly of: (user: string, mechanism: ScramMechanism) => KnownCredential
    readonly decoy: (user: string, mechanism: ScramMechanism) => KnownCredential
  }
>()("@tusk/server/security/sasl/ScramUsers") {
  static readonly layer = Layer.effect(
    ScramUsers,
    Effect.gen(function* () {
      const { current, keyOf } = yield* ScramCredentials
      const secret = (yield* SecretBytes)(32)
      /** What the made-up ones are like: as the stored ones, so that nobody tells them apart. */
      const decoy = (user: string, mechanism: ScramMechanism): KnownCredential => {
        const bytes = derivedBytes(secret, `${mechanism} ${user}`)
        const model = modelOf(current(), mechanism, bytes.readUInt32BE(60))
        const salt = bytes.subarray(0, Math.min(model?.salt.byteLength ?? 24, 56))
        const { keyBytes } = SCRAM[mechanism]
        const key = derivedBytes(secret, `key ${mechanism} ${user}`).subarray(0, keyBytes)
        const iterations = model?.iterations ?? MIN_ITERATIONS
        return { credential: { user, mechanism, iterations, salt, storedKey: key, serverKey: key }, isDecoy: true }
      }
      return ScramUsers.of({
        decoy,
        of: (user, mechanism) => {
          const key = keyOf({
            user,
            mechanism,
            iterations: 0,
            salt: NO_BYTES,
            storedKey: NO_BYTES,
            serverKey: NO_BYTES
          })
          const credential = current().get(key)
          return credential !== undefined && isUsable(credential)
            ? { credential, isDecoy: false }
            : decoy(user, mechanism)
        }
      })
    })
  )
}

/** A row that was made in SQL may be weaker than Kafka allows, or cost too much. */
const isUsable = ({ iterations }: StoredScramCredential): boolean =>
  iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS

const modelOf = (
  rows: ReadonlyMap<string, StoredScramCredential>,
  mechanism: ScramMechanism,
  pick: number
): StoredScramCredential | undefined => {
  const kinds = new Map<string, StoredScramCredential>()
  for (const row of rows.values()) {
    if (row.mechanism === mechanism && isUsable(row)) kinds.set(`${row.iterations} ${row.salt.byteLength}`, row)
  }
  return Array.from(kinds.values())[pick % kinds.size]
}
