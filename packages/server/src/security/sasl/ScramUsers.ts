import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NO_BYTES } from "./Exchange.ts"
import { isScram, MAX_ITERATIONS, MIN_ITERATIONS, SCRAM } from "./ScramKeys.ts"
import type { ScramMechanism } from "./ScramKeys.ts"
import { derivedBytes, SecretBytes } from "./Secrets.ts"

/** A credential to check a client against. */
export interface KnownCredential {
  readonly credential: StoredScramCredential
  /** Nobody has it: the client is led through every step all the same, and refused at the last. */
  readonly isDecoy: boolean
}

/** The same with the mechanism whose keys they are. */
export interface PlainCredential extends KnownCredential {
  readonly mechanism: ScramMechanism
}

/** What the credentials of users are like, as far as a client can tell: by its challenge, or by the time that it waits. */
interface Kind {
  readonly mechanism: ScramMechanism
  readonly iterations: number
  readonly saltBytes: number
}

/** The users of `kafka.scram_users`. Whether somebody is one of them takes the same time to find out for all. */
export class ScramUsers extends Context.Service<
  ScramUsers,
  {
    /** What is stored of this user; if nothing is, something made up that looks the same each time it is asked for. */
    readonly of: (user: string, mechanism: ScramMechanism) => KnownCredential
    /** The same for a password that comes as it is: the keys of the stronger mechanism that the user has. */
    readonly ofPlain: (user: string) => PlainCredential
    readonly decoy: (user: string, mechanism: ScramMechanism) => KnownCredential
  }
>()("@tusk/server/security/sasl/ScramUsers") {
  static readonly layer = Layer.effect(
    ScramUsers,
    Effect.gen(function* () {
      const { current, keyOf } = yield* ScramCredentials
      const secret = (yield* SecretBytes)(32)
      const kindsOf = lastOf(kindsAmong)
      /** What is made up is like what is stored, so that nobody tells them apart. */
      const madeUp = (user: string, what: string, kinds: ReadonlyArray<Kind>): PlainCredential => {
        const bytes = derivedBytes(secret, `${what} ${user}`)
        const { iterations, mechanism, saltBytes } = kinds[bytes.readUInt32BE(60) % kinds.length]!
        const salt = bytes.subarray(0, Math.min(saltBytes, 56))
        const key = derivedBytes(secret, `key ${what} ${user}`).subarray(0, SCRAM[mechanism].keyBytes)
        const credential = { user, mechanism, iterations, salt, storedKey: key, serverKey: key }
        return { credential, isDecoy: true, mechanism }
      }
      const stored = (user: string, mechanism: ScramMechanism): PlainCredential | undefined => {
        const key = keyOf({ user, mechanism, iterations: 0, salt: NO_BYTES, storedKey: NO_BYTES, serverKey: NO_BYTES })
        const credential = current().get(key)
        return credential !== undefined && isUsable(credential) ? { credential, isDecoy: false, mechanism } : undefined
      }
      const decoy = (user: string, mechanism: ScramMechanism) => madeUp(user, mechanism, kindsOf(current())[mechanism])
      return ScramUsers.of({
        decoy,
        of: (user, mechanism) => {
          // Made up for all: else one that is there would be found sooner.
          const otherwise = decoy(user, mechanism)
          return stored(user, mechanism) ?? otherwise
        },
        ofPlain: (user) => {
          const otherwise = madeUp(user, "PLAIN", kindsOf(current()).PLAIN)
          return stored(user, "SCRAM-SHA-512") ?? stored(user, "SCRAM-SHA-256") ?? otherwise
        }
      })
    })
  )
}

/** A row that was made in SQL may be weaker than Kafka allows, or cost too much. */
const isUsable = (row: StoredScramCredential): row is Usable => isScram(row.mechanism) && isWithin(row.iterations)

const isWithin = (iterations: number): boolean => iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS

interface Usable extends StoredScramCredential {
  readonly mechanism: ScramMechanism
}

type Rows = ReadonlyMap<string, StoredScramCredential>

/** Works out again what it has worked out of another object only. */
const lastOf = <A extends object, B>(f: (of: A) => B): ((of: A) => B) => {
  let last: readonly [of: A, result: B] | undefined
  return (of) => (last?.[0] === of ? last : (last = [of, f(of)]))[1]
}

/** The kinds that there are of each mechanism of SCRAM, and of the keys that PLAIN is checked by; never none. */
const kindsAmong = (rows: Rows): Readonly<Record<ScramMechanism | "PLAIN", ReadonlyArray<Kind>>> => {
  const usable = Array.from(rows.values()).filter(isUsable)
  const of = (mechanism: ScramMechanism) => usable.filter((row) => row.mechanism === mechanism)
  const [weaker, stronger] = [of("SCRAM-SHA-256"), of("SCRAM-SHA-512")]
  const haveStronger = new Set(stronger.map(({ user }) => user))
  return {
    "SCRAM-SHA-256": distinct(weaker, "SCRAM-SHA-256"),
    "SCRAM-SHA-512": distinct(stronger, "SCRAM-SHA-512"),
    PLAIN: distinct([...stronger, ...weaker.filter(({ user }) => !haveStronger.has(user))], "SCRAM-SHA-512")
  }
}

const distinct = (rows: ReadonlyArray<Usable>, otherwise: ScramMechanism): ReadonlyArray<Kind> => {
  const kinds = new Map<string, Kind>()
  for (const { iterations, mechanism, salt } of rows) {
    kinds.set(`${mechanism} ${iterations} ${salt.byteLength}`, { mechanism, iterations, saltBytes: salt.byteLength })
  }
  return kinds.size > 0
    ? Array.from(kinds.values())
    : [{ mechanism: otherwise, iterations: MIN_ITERATIONS, saltBytes: 24 }]
}
