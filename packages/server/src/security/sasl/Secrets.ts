import * as Context from "effect/Context"
import { createHmac, randomBytes } from "node:crypto"

/** Bytes that nobody can guess: nonces, salts. */
export const SecretBytes = Context.Reference<(bytes: number) => Uint8Array>("@tusk/server/security/sasl/SecretBytes", {
  defaultValue: () => randomBytes
})

/** Bytes that are the same for the same text, and that nobody can tell without the secret. */
export const derivedBytes = (secret: Uint8Array, text: string): Buffer =>
  createHmac("sha512", secret).update(text).digest()
