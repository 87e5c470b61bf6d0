/** Who asks: the keys that settings give, or what AWS's own tools would take. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ObjectStoreUnavailable } from "../../port/ObjectStore.ts"

/** A key that does not end. */
export interface S3Key {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
}

/** What a request is signed with. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** A machine's metadata service that is not there does not answer. */
const FIND_MS = 15_000

export type FindCredentials = Effect.Effect<S3Credentials, ObjectStoreUnavailable>

const unavailable = (cause: unknown): ObjectStoreUnavailable => {
  const message = `no credentials for the object store: ${cause instanceof Error ? cause.message : String(cause)}`
  return new ObjectStoreUnavailable({ message, sent: false, cause })
}

/**
 * As AWS's tools find them, in their order: environment, profiles, processes, web identity, containers, the machine. The library
 * is loaded at first use; it keeps what it finds until that is about to end.
 */
export const foundCredentials = (): FindCredentials => {
  let provider: (() => Promise<S3Credentials>) | undefined
  const find = async () => {
    provider ??= (await import("@aws-sdk/credential-provider-node")).defaultProvider()
    return provider()
  }
  const tooLate = Effect.suspend(() => Effect.fail(unavailable(`none were found within ${FIND_MS} ms`)))
  return Effect.tryPromise({ try: find, catch: unavailable }).pipe(
    Effect.timeoutOrElse({ duration: FIND_MS, orElse: () => tooLate })
  )
}

export const givenCredentials = ({ accessKeyId, secretAccessKey }: S3Key): FindCredentials =>
  Effect.sync(() => ({ accessKeyId, secretAccessKey: Redacted.value(secretAccessKey) }))
