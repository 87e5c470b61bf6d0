/** The keys of SCRAM (RFC 5802, section 3). Kafka normalises no password: its UTF-8 is what counts. */
import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"

export type ScramMechanism = "SCRAM-SHA-256" | "SCRAM-SHA-512"

/** Of each mechanism its number in Kafka's messages (KIP-554), its hash, and how many bytes that has. */
export const SCRAM: { readonly [Name in ScramMechanism]: ScramKind } = {
  "SCRAM-SHA-256": { type: 1, digest: "sha256", keyBytes: 32 },
  "SCRAM-SHA-512": { type: 2, digest: "sha512", keyBytes: 64 }
}

export interface ScramKind {
  readonly type: number
  readonly digest: "sha256" | "sha512"
  readonly keyBytes: number
}

/** The bounds of KIP-84 and KIP-554. */
export const MIN_ITERATIONS = 4096
export const MAX_ITERATIONS = 16_384

export const SCRAM_MECHANISMS = Object.keys(SCRAM) as ReadonlyArray<ScramMechanism>

export const isScram = (mechanism: string): mechanism is ScramMechanism => Object.hasOwn(SCRAM, mechanism)

const hmac = ({ digest }: ScramKind, key: Uint8Array, data: string): Buffer =>
  createHmac(digest, key).update(data).digest()

const hash = ({ digest }: ScramKind, bytes: Uint8Array): Buffer => createHash(digest).update(bytes).digest()

/** What is stored of a password that was salted and hashed: neither it nor a proof can be made from that. */
export const keysOf = (
  mechanism: ScramMechanism,
  saltedPassword: Uint8Array
): Pick<StoredScramCredential, "storedKey" | "serverKey"> => {
  const kind = SCRAM[mechanism]
  return {
    storedKey: hash(kind, hmac(kind, saltedPassword, "Client Key")),
    serverKey: hmac(kind, saltedPassword, "Server Key")
  }
}

/** Whether two secrets are the same: takes as long for those that are not. */
export const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && timingSafeEqual(a, b)

/** Whether a client's proof shows that it knows the password: it hides the client's key, whose hash is stored. */
export const proves = (
  mechanism: ScramMechanism,
  storedKey: Uint8Array,
  authMessage: string,
  proof: Uint8Array
): boolean => {
  const kind = SCRAM[mechanism]
  if (proof.byteLength !== kind.keyBytes) return false
  const clientKey = hmac(kind, storedKey, authMessage)
  for (let i = 0; i < clientKey.byteLength; i++) clientKey[i]! ^= proof[i]!
  return isEqual(hash(kind, clientKey), storedKey)
}

/** Shows the client that the server knows it, too. */
export const serverSignature = (mechanism: ScramMechanism, serverKey: Uint8Array, authMessage: string): Uint8Array =>
  hmac(SCRAM[mechanism], serverKey, authMessage)
