/** A broker with a SASL listener, and what clients say to it. */
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import type { SaslAuthenticateResponse } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto"
import type { NamedSettings, Settings } from "../../../src/config/Settings.ts"
import { parseSettings } from "../../../src/config/Settings.ts"
import type { Authorizer } from "../../../src/request/Authorizer.ts"
import { SCRAM } from "../../../src/security/sasl/ScramKeys.ts"
import type { ScramMechanism } from "../../../src/security/sasl/ScramKeys.ts"
import type { Store } from "@tusk/storage/port/Store"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { startBroker } from "../../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { WireClient } from "../../WireClient.ts"

export const JAAS =
  'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";'

export const saslSettings = (settings: NamedSettings = {}): Settings => {
  const entries = Object.entries({
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "sasl.jaas.config": JAAS,
    ...settings
  })
  const parsed = parseSettings(entries.map(([name, value]) => ({ name, value: String(value), origin: "test" })))
  return Result.getOrThrow(parsed).settings
}

/** The first takes everybody, the second asks for a login. */
export const SASL_LISTENERS = [
  { name: "PLAINTEXT", host: "127.0.0.1", port: 0 },
  { name: "SASL", protocol: "SASL_PLAINTEXT", host: "127.0.0.1", port: 0 }
] as const

/** Its first listener takes everybody, the second asks for a login. */
export const startSaslBroker = (
  settings: NamedSettings = {},
  store?: Layer.Layer<Store>,
  authorizer?: Authorizer
): Promise<BrokerUnderTest> =>
  startBroker(saslSettings(settings), {
    ...(store === undefined ? {} : { store }),
    ...(authorizer === undefined ? {} : { authorizer }),
    listeners: SASL_LISTENERS
  })

export const connectSasl = (broker: BrokerUnderTest): Promise<WireClient> => broker.connect(1)

export const plainToken = (user: string, password: string, authzid = ""): Buffer =>
  Buffer.from(`${authzid}\0${user}\0${password}`)

/** Handshake and one token. */
export const plainLogin = async (
  client: WireClient,
  user: string,
  password: string,
  version = 2
): Promise<SaslAuthenticateResponse> => {
  const { errorCode } = await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
  if (errorCode !== 0) throw new Error(`SaslHandshake: ${errorCode}`)
  return client.call(SaslAuthenticate, version, { authBytes: plainToken(user, password) })
}

const hmac = (digest: string, key: Uint8Array, text: string) => createHmac(digest, key).update(text).digest()

/** What a client of SCRAM makes of the server's first message. */
export const clientFinal = (
  mechanism: ScramMechanism,
  password: string,
  clientFirst: string,
  serverFirst: string,
  binding = "n,,"
): { readonly message: string; readonly signature: string } => {
  const { digest, keyBytes } = SCRAM[mechanism]
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!
  const salted = pbkdf2Sync(password, Buffer.from(salt!, "base64"), Number(iterations), keyBytes, digest)
  const clientKey = hmac(digest, salted, "Client Key")
  const storedKey = createHash(digest).update(clientKey).digest()
  const withoutProof = `c=${Buffer.from(binding).toString("base64")},r=${nonce}`
  const authMessage = `${clientFirst.slice(binding.length)},${serverFirst},${withoutProof}`
  const signed = hmac(digest, storedKey, authMessage)
  const proof = clientKey.map((byte, i) => byte ^ signed[i]!)
  return {
    message: `${withoutProof},p=${Buffer.from(proof).toString("base64")}`,
    signature: hmac(digest, hmac(digest, salted, "Server Key"), authMessage).toString("base64")
  }
}

export interface ScramAttempt {
  readonly first: SaslAuthenticateResponse
  readonly last: SaslAuthenticateResponse
  /** The server has shown that it knows the password. */
  readonly isSigned: boolean
}

/** Both steps of a login by SCRAM. */
export const scramLogin = async (
  client: WireClient,
  mechanism: ScramMechanism,
  user: string,
  password: string,
  extensions = ""
): Promise<ScramAttempt> => {
  const { errorCode } = await client.call(SaslHandshake, 1, { mechanism })
  if (errorCode !== 0) throw new Error(`SaslHandshake: ${errorCode}`)
  const clientFirst = `n,,n=${user},r=${randomBytes(16).toString("hex")}${extensions}`
  const first = await client.call(SaslAuthenticate, 2, { authBytes: Buffer.from(clientFirst) })
  if (first.errorCode !== 0) return { first, last: first, isSigned: false }
  const serverFirst = Buffer.from(first.authBytes).toString()
  const { message, signature } = clientFinal(mechanism, password, clientFirst, serverFirst)
  const last = await client.call(SaslAuthenticate, 2, { authBytes: Buffer.from(message) })
  return { first, last, isSigned: Buffer.from(last.authBytes).toString() === `v=${signature}` }
}

/** What kafka-configs makes of a password. */
export const upsertion = (user: string, mechanism: ScramMechanism, password: string, iterations = 4096) => {
  const { digest, keyBytes, type } = SCRAM[mechanism]
  const salt = randomBytes(24)
  return {
    name: user,
    mechanism: type,
    iterations,
    salt,
    saltedPassword: pbkdf2Sync(password, salt, Math.max(iterations, 1), keyBytes, digest)
  }
}

/** Makes a user, over the listener that takes everybody. */
export const makeUser = async (broker: BrokerUnderTest, ...users: ReadonlyArray<ReturnType<typeof upsertion>>) => {
  const client = await broker.connect()
  const { results } = await client.call(AlterUserScramCredentials, 0, { upsertions: users })
  await client[Symbol.asyncDispose]()
  for (const { errorCode, errorMessage, user } of results)
    if (errorCode !== 0) throw new Error(`${user}: ${errorMessage}`)
}

/** A raw frame with its length. */
export const rawFrame = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.byteLength)
  return Buffer.concat([length, bytes])
}
