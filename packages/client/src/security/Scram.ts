import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto"
import type { Login } from "../Login.ts"

/** SCRAM's two kinds in Kafka, with its numbers (KIP-554) and the names of their hashes. */
export const SCRAM_MECHANISMS = {
  "SCRAM-SHA-256": { number: 1, hash: "sha256", bytes: 32 },
  "SCRAM-SHA-512": { number: 2, hash: "sha512", bytes: 64 }
} as const

/** A mechanism of SCRAM. */
export type ScramMechanism = keyof typeof SCRAM_MECHANISMS

/** Kafka's least and most (KIP-84, KIP-554). */
export const ITERATIONS = { least: 4096, most: 16384 } as const

/** More than any broker has reason to ask for: it would keep a client busy. */
const MOST_ITERATIONS = 1_000_000

/** A salt of a new credential. */
export const newSalt = (): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(32))

/** RFC 5802's SaltedPassword: `Hi(password, salt, i)`. */
export const saltedPassword = (
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number
): Uint8Array<ArrayBuffer> => {
  const { bytes, hash } = SCRAM_MECHANISMS[mechanism]
  return new Uint8Array(pbkdf2Sync(Buffer.from(password, "utf8"), salt, iterations, bytes, hash))
}

/** RFC 5802's saslname: `,` and `=` have a meaning of their own. */
const saslName = (name: string): string => name.replaceAll("=", "=3D").replaceAll(",", "=2C")

/** `r=…,s=…,i=…` by the letters. */
const attributesOf = (message: Uint8Array): ReadonlyMap<string, string> =>
  new Map(
    Buffer.from(message)
      .toString("utf8")
      .split(",")
      .map((part) => [part.slice(0, 1), part.slice(2)])
  )

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "utf8"))

/** What a client needs for a login by SCRAM. */
export interface ScramUser {
  readonly mechanism: ScramMechanism
  readonly user: string
  readonly password: string
  /** The user is a delegation token's id, the password its HMAC (KIP-48). */
  readonly isToken: boolean
}

function* exchange({ isToken, mechanism, password, user }: ScramUser, nonce: string): ReturnType<Login["start"]> {
  const { hash } = SCRAM_MECHANISMS[mechanism]
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text, "utf8").digest()
  const first = `n=${saslName(user)},r=${nonce}${isToken ? ",tokenauth=true" : ""}`
  const answer = yield bytesOf(`n,,${first}`)
  const challenge = attributesOf(answer)
  const [full, salt, iterations] = [challenge.get("r") ?? "", challenge.get("s") ?? "", Number(challenge.get("i"))]
  if (!full.startsWith(nonce) || full.length === nonce.length) return "its nonce does not go on from the client's"
  if (!Number.isInteger(iterations) || iterations < ITERATIONS.least || iterations > MOST_ITERATIONS) {
    return `it asks for ${challenge.get("i") ?? "no"} iterations`
  }
  const salted = saltedPassword(mechanism, password, Buffer.from(salt, "base64"), iterations)
  const clientKey = hmac(salted, "Client Key")
  const last = `c=biws,r=${full}`
  const told = `${first},${Buffer.from(answer).toString("utf8")},${last}`
  const signature = hmac(createHash(hash).update(clientKey).digest(), told)
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString("base64")
  const verdict = attributesOf(yield bytesOf(`${last},p=${proof}`))
  const error = verdict.get("e")
  if (error !== undefined) return `SCRAM ends with ${error}`
  const expected = hmac(hmac(salted, "Server Key"), told)
  const given = Buffer.from(verdict.get("v") ?? "", "base64")
  const isRight = given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
  return isRight ? undefined : "it does not know the password that it was told"
}

/** A login by SCRAM (RFC 5802, RFC 7677): the password is not sent, and the broker has to prove that it knows it. */
export const scramLogin = (who: ScramUser, nonce = () => randomBytes(24).toString("base64url")): Login => ({
  mechanism: who.mechanism,
  user: who.user,
  start: () => exchange(who, nonce())
})
