/** The certificates of a PKCS#12 file (RFC 7292): Node takes one only with a key in it, and a truststore has none. */
import { createDecipheriv, pbkdf2Sync, X509Certificate } from "node:crypto"

/** A value of DER: its tag, what it holds, and both with its head. */
interface Der {
  readonly tag: number
  readonly content: Uint8Array
}

const lengthAt = (bytes: Uint8Array, at: number): readonly [length: number, from: number] => {
  const first = bytes[at]!
  if (first < 0x80) return [first, at + 1]
  let length = 0
  const count = first & 0x7f
  if (count === 0 || count > 4) throw new RangeError("a length that is none")
  for (let i = 1; i <= count; i++) length = length * 256 + bytes[at + i]!
  return [length, at + 1 + count]
}

/** The values one after the other. */
const valuesOf = (bytes: Uint8Array): ReadonlyArray<Der> => {
  const values: Array<Der> = []
  for (let at = 0; at < bytes.byteLength;) {
    const [length, from] = lengthAt(bytes, at + 1)
    if (from + length > bytes.byteLength) throw new RangeError("it is cut short")
    values.push({ tag: bytes[at]!, content: bytes.subarray(from, from + length) })
    at = from + length
  }
  return values
}

const inside = ({ content }: Der): ReadonlyArray<Der> => valuesOf(content)
const oid = ({ content }: Der): string => Buffer.from(content).toString("hex")
const integer = ({ content }: Der): number => content.reduce((sum, byte) => sum * 256 + byte, 0)

/** Identifiers, as the bytes of their DER in hex. */
const OID = {
  data: "2a864886f70d010701",
  encrypted: "2a864886f70d010706",
  certBag: "2a864886f70d010c0a0103",
  x509: "2a864886f70d01091601",
  pbes2: "2a864886f70d01050d"
} as const

const HASHES: Readonly<Record<string, string>> = {
  "2a864886f70d0207": "sha1",
  "2a864886f70d0209": "sha256",
  "2a864886f70d020a": "sha384",
  "2a864886f70d020b": "sha512"
}

const CIPHERS: Readonly<Record<string, readonly [name: string, keyBytes: number]>> = {
  "2a864886f70d0307": ["des-ede3-cbc", 24],
  "60864801650304012a": ["aes-256-cbc", 32],
  "608648016503040116": ["aes-192-cbc", 24],
  "608648016503040102": ["aes-128-cbc", 16]
}

const MOST_ITERATIONS = 5_000_000

/** PBES2 (RFC 8018): what keytool and OpenSSL write since Java 17 and OpenSSL 3. */
const decrypted = ([algorithm, parameters]: ReadonlyArray<Der>, sealed: Uint8Array, password: string): Uint8Array => {
  if (oid(algorithm!) !== OID.pbes2) {
    throw new RangeError("it is encrypted in an old way; keytool of Java 17 and OpenSSL 3 write a newer one")
  }
  const [derivation, encryption] = inside(parameters!)
  const [, derivationParameters] = inside(derivation!)
  const [salt, iterations, ...more] = inside(derivationParameters!)
  const function_ = more.find(({ tag }) => tag === 0x30)
  const hash = function_ === undefined ? "sha1" : HASHES[oid(inside(function_)[0]!)]
  const [cipher, iv] = inside(encryption!)
  const [name, keyBytes] = CIPHERS[oid(cipher!)] ?? []
  if (hash === undefined || name === undefined || integer(iterations!) > MOST_ITERATIONS) {
    throw new RangeError("it is encrypted in a way that is not known")
  }
  const key = pbkdf2Sync(Buffer.from(password, "utf8"), salt!.content, integer(iterations!), keyBytes!, hash)
  const opening = createDecipheriv(name, key, iv!.content)
  return Buffer.concat([opening.update(sealed), opening.final()])
}

/** A ContentInfo's bags, opened if they are sealed. */
const bagsOf = (info: Der, password: string): ReadonlyArray<Der> => {
  const [kind, wrapped] = inside(info)
  const [content] = inside(wrapped!)
  if (oid(kind!) === OID.data) return inside(valuesOf(content!.content)[0]!)
  if (oid(kind!) !== OID.encrypted) return []
  const [, sealed] = inside(content!)
  const [, algorithm, bytes] = inside(sealed!)
  return inside(valuesOf(decrypted(inside(algorithm!), bytes!.content, password))[0]!)
}

/** A bag's certificate as PEM; none of a bag of another kind. */
const certificateOf = (bag: Der): ReadonlyArray<string> => {
  const [kind, wrapped] = inside(bag)
  if (oid(kind!) !== OID.certBag) return []
  const [type, held] = inside(inside(wrapped!)[0]!)
  if (oid(type!) !== OID.x509) return []
  return [new X509Certificate(inside(held!)[0]!.content).toString()]
}

/** The certificates in a PKCS#12 file, as PEM; a text: why it cannot be read. */
export const certificatesOfPkcs12 = (file: Uint8Array, password: string): ReadonlyArray<string> | string => {
  try {
    const [, authenticated] = inside(valuesOf(file)[0]!)
    const [, wrapped] = inside(authenticated!)
    const infos = inside(valuesOf(inside(wrapped!)[0]!.content)[0]!)
    const found = infos.flatMap((info) => bagsOf(info, password)).flatMap(certificateOf)
    return found.length === 0 ? "no certificate is in it" : found
  } catch (error) {
    if (error instanceof RangeError) return error.message
    return "it cannot be opened: the password may be wrong"
  }
}
