/**
 * Reads a PKCS #12 key store (RFC 7292), as keytool and openssl write it. Node reads one too (`pfx`), but takes every certificate
 * of it for an authority that clients' certificates may be signed by, and reads no trust store.
 */
import { createDecipheriv, createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto"
import { bytesOf, NotDer, oidOf, partOf, partsOf, readDer } from "./Der.ts"
import type { Der } from "./Der.ts"

/** A key store that cannot be read; `message` is for people and holds nothing secret. */
export class Pkcs12Error extends Error {
  override readonly name = "Pkcs12Error"
}

export interface Pkcs12 {
  /** PEM, of each certificate; in a key store with a key the first is the key's own if `key` has one. */
  readonly certificates: ReadonlyArray<string>
  /** PEM. */
  readonly key: string | undefined
}

const ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
const KEY_BAG = "1.2.840.113549.1.12.10.1.1"
const SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2"
const CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3"
const LOCAL_KEY_ID = "1.2.840.113549.1.9.21"
const PBES2 = "1.2.840.113549.1.5.13"
const TRIPLE_DES = "1.2.840.113549.1.12.1.3"

const HASHES: ReadonlyMap<string, string> = new Map([
  ["1.3.14.3.2.26", "sha1"],
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
  ["1.2.840.113549.2.7", "sha1"],
  ["1.2.840.113549.2.9", "sha256"],
  ["1.2.840.113549.2.10", "sha384"],
  ["1.2.840.113549.2.11", "sha512"]
])
const CIPHERS: ReadonlyMap<string, readonly [name: string, keyBytes: number]> = new Map([
  ["2.16.840.1.101.3.4.1.2", ["aes-128-cbc", 16]],
  ["2.16.840.1.101.3.4.1.22", ["aes-192-cbc", 24]],
  ["2.16.840.1.101.3.4.1.42", ["aes-256-cbc", 32]],
  ["1.2.840.113549.3.7", ["des-ede3-cbc", 24]]
])
/** Rounds that a file may have us do: keytool and openssl have 10,000 and 2,048. */
const MAX_ITERATIONS = 1_000_000

const numberOf = ({ content }: Der): number => content.reduce((number, byte) => number * 256 + byte, 0)

const iterationsOf = (der: Der): number => {
  const iterations = numberOf(der)
  if (iterations < 1 || iterations > MAX_ITERATIONS)
    throw new Pkcs12Error(`it asks for ${iterations} rounds of hashing`)
  return iterations
}

const hashOf = (oid: string): string => {
  const hash = HASHES.get(oid)
  if (hash === undefined) throw new Pkcs12Error(`it is made with a hash that Tusk does not know (${oid})`)
  return hash
}

/** UTF-16, big end first, with a zero at the end (RFC 7292, B.1). */
const wide = (password: string): Buffer => Buffer.from(`${password}\0`, "utf16le").swap16()

const filled = (bytes: Buffer, block: number): Buffer =>
  Buffer.alloc(block * Math.ceil(bytes.length / block), bytes.length === 0 ? undefined : bytes)

/** The derivation of RFC 7292, B.2; `id` 1 makes a key, 2 an initial vector, 3 a key for the MAC. */
const derive = (
  id: number,
  hash: string,
  password: Buffer,
  salt: Buffer,
  iterations: number,
  length: number
): Buffer => {
  const block = hash === "sha384" || hash === "sha512" ? 128 : 64
  const input = Buffer.concat([filled(salt, block), filled(password, block)])
  const parts: Array<Buffer> = []
  for (let have = 0; have < length; have += parts.at(-1)!.length) {
    let digest = createHash(hash).update(Buffer.alloc(block, id)).update(input).digest()
    for (let i = 1; i < iterations; i++) digest = createHash(hash).update(digest).digest()
    parts.push(digest)
    const step = BigInt(`0x${Buffer.alloc(block, digest).toString("hex")}`) + 1n
    for (let at = 0; at < input.length; at += block) {
      const sum = BigInt(`0x${input.subarray(at, at + block).toString("hex")}`) + step
      Buffer.from(
        BigInt.asUintN(8 * block, sum)
          .toString(16)
          .padStart(2 * block, "0"),
        "hex"
      ).copy(input, at)
    }
  }
  return Buffer.concat(parts).subarray(0, length)
}

/** What an algorithm identifier and a password make of encrypted bytes. */
const decrypt = (algorithm: Der, encrypted: Buffer, password: string): Buffer => {
  const oid = oidOf(partOf(algorithm, 0))
  const [cipher, key, vector] =
    oid === PBES2 ? keyOfPbes2(partOf(algorithm, 1), password) : keyOfTripleDes(oid, partOf(algorithm, 1), password)
  const decipher = createDecipheriv(cipher, key, vector)
  try {
    return Buffer.concat([decipher.update(encrypted), decipher.final()])
  } catch {
    throw new Pkcs12Error("its password is another one")
  }
}

/** RFC 8018, 6.2: PBKDF2 and a cipher. */
const keyOfPbes2 = (parameters: Der, password: string): readonly [string, Buffer, Buffer] => {
  const [derivation, scheme] = [partOf(partOf(parameters, 0), 1), partOf(parameters, 1)]
  const [salt, iterations, ...rest] = partsOf(derivation)
  const cipher = CIPHERS.get(oidOf(partOf(scheme, 0)))
  if (cipher === undefined || salt === undefined || iterations === undefined) {
    throw new Pkcs12Error(`it is encrypted in a way that Tusk does not know (${oidOf(partOf(scheme, 0))})`)
  }
  const pseudorandom = rest.find(({ tag }) => tag === 0x30)
  const hash = pseudorandom === undefined ? "sha1" : hashOf(oidOf(partOf(pseudorandom, 0)))
  const key = pbkdf2Sync(Buffer.from(password), bytesOf(salt), iterationsOf(iterations), cipher[1], hash)
  return [cipher[0], key, bytesOf(partOf(scheme, 1))]
}

const keyOfTripleDes = (oid: string, parameters: Der, password: string): readonly [string, Buffer, Buffer] => {
  if (oid !== TRIPLE_DES) {
    throw new Pkcs12Error(
      `it is encrypted as of old (${oid}): write it anew with keytool of Java 17 or openssl 3, without -legacy`
    )
  }
  const [salt, iterations] = [bytesOf(partOf(parameters, 0)), iterationsOf(partOf(parameters, 1))]
  const make = (id: number, length: number) => derive(id, "sha1", wide(password), salt, iterations, length)
  return ["des-ede3-cbc", make(1, 24), make(2, 8)]
}

/** The bytes that a ContentInfo holds, decrypted if they are encrypted. */
const contentOf = (info: Der, password: string): Buffer => {
  const inner = partOf(partOf(info, 1), 0)
  if (oidOf(partOf(info, 0)) !== ENCRYPTED_DATA) return bytesOf(inner)
  const [, algorithm, encrypted] = partsOf(partOf(inner, 1))
  if (algorithm === undefined || encrypted === undefined) throw new NotDer("no encrypted content")
  return decrypt(algorithm, bytesOf(encrypted), password)
}

const checkMac = (mac: Der, signed: Buffer, password: string): void => {
  const [digestInfo, salt, rounds] = partsOf(mac)
  if (digestInfo === undefined || salt === undefined) throw new NotDer("no MAC")
  const hash = hashOf(oidOf(partOf(partOf(digestInfo, 0), 0)))
  const expected = bytesOf(partOf(digestInfo, 1))
  const iterations = rounds === undefined ? 1 : iterationsOf(rounds)
  const key = derive(3, hash, wide(password), bytesOf(salt), iterations, expected.length)
  const found = createHmac(hash, key).update(signed).digest()
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new Pkcs12Error("its password is another one, or the file is damaged")
  }
}

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`

interface Bag {
  readonly type: string
  readonly value: Der
  /** Which key and certificate belong to each other. */
  readonly keyId: string | undefined
}

const bagOf = (bag: Der): Bag => {
  const attributes = partsOf(bag).find(({ tag }) => tag === 0x31)
  const id =
    attributes === undefined ? undefined : partsOf(attributes).find((each) => oidOf(partOf(each, 0)) === LOCAL_KEY_ID)
  return {
    type: oidOf(partOf(bag, 0)),
    value: partOf(partOf(bag, 1), 0),
    keyId: id === undefined ? undefined : partOf(partOf(id, 1), 0).content.toString("hex")
  }
}

const keyOf = ({ type, value }: Bag, password: string): Buffer =>
  type === KEY_BAG ? value.whole : decrypt(partOf(value, 0), bytesOf(partOf(value, 1)), password)

/** Throws `Pkcs12Error` with a line for people. */
export const readPkcs12 = (file: Buffer, password: string): Pkcs12 => {
  try {
    return read(file, password)
  } catch (error) {
    if (error instanceof Pkcs12Error) throw error
    throw new Pkcs12Error("it is no PKCS12 key store, or it is damaged")
  }
}

const read = (file: Buffer, password: string): Pkcs12 => {
  const [, authenticated, mac] = partsOf(readDer(file))
  if (authenticated === undefined) throw new NotDer("no content")
  const safe = contentOf(authenticated, password)
  if (mac !== undefined) checkMac(mac, safe, password)
  const bags = partsOf(readDer(safe)).flatMap((info) => partsOf(readDer(contentOf(info, password))).map(bagOf))
  const own = bags.find(({ type }) => type === KEY_BAG || type === SHROUDED_KEY_BAG)
  const certificates = bags.filter(({ type }) => type === CERTIFICATE_BAG)
  // The key's own comes first; the order of the others is that of the file.
  const ofKey = certificates.filter(({ keyId }) => own !== undefined && keyId !== undefined && keyId === own.keyId)
  const inOrder = [...ofKey, ...certificates.filter((each) => !ofKey.includes(each))]
  return {
    certificates: inOrder.map(({ value }) => pem("CERTIFICATE", bytesOf(partOf(partOf(value, 1), 0)))),
    key: own === undefined ? undefined : pem("PRIVATE KEY", keyOf(own, password))
  }
}
