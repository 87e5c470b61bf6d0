/** Certificates (openssl) and tokens of the matrix, good and bad. */
import { createSign, generateKeyPairSync, randomBytes } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { runOk } from "../../../bench/kafka/Program.ts"

/** A certificate with its key, both PEM files. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

const openssl = (folder: string, ...args: ReadonlyArray<string>) => runOk("openssl", args, { spawn: { cwd: folder } })

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

/** An authority that signs itself. */
const authority = async (folder: string, name: string): Promise<Pair> => {
  const pair = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const args = ["-x509", ...CURVE, "-keyout", pair.key, "-out", pair.certificate, "-days", "30", "-subj", `/CN=${name}`]
  await openssl(folder, "req", ...args, "-addext", "basicConstraints=critical,CA:TRUE")
  return pair
}

/** A certificate of an authority's; `days` below 0: it ended before it began. */
const signed = async (folder: string, by: Pair, file: string, name: string, days = 30): Promise<Pair> => {
  const pair = { certificate: join(folder, `${file}.pem`), key: join(folder, `${file}.key`) }
  const [request, extensions] = [join(folder, `${file}.csr`), join(folder, `${file}.ext`)]
  writeFileSync(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
  await openssl(folder, "req", ...CURVE, "-keyout", pair.key, "-out", request, "-subj", `/CN=${name}`)
  const serial = `0x${randomBytes(8).toString("hex")}`
  const args = ["-req", "-in", request, "-CA", by.certificate, "-CAkey", by.key, "-set_serial", serial]
  await openssl(folder, "x509", ...args, "-extfile", extensions, "-days", `${days}`, "-out", pair.certificate)
  return pair
}

export interface Certificates {
  readonly ca: string
  /** The broker's key and certificate in one file. */
  readonly keystore: string
  /** Good ones, by the user's name. */
  readonly of: ReadonlyMap<string, Pair>
  /** The right name, signed by an authority that nobody trusts. */
  readonly wrong: Pair
  readonly expired: Pair
}

export const makeCertificates = async (folder: string, users: ReadonlyArray<string>): Promise<Certificates> => {
  const [ca, other] = [await authority(folder, "matrix-ca"), await authority(folder, "other-ca")]
  const server = await signed(folder, ca, "server", "localhost")
  const keystore = join(folder, "keystore.pem")
  writeFileSync(keystore, readFileSync(server.key, "utf8") + readFileSync(server.certificate, "utf8"))
  const of = new Map<string, Pair>()
  for (const user of users) of.set(user, await signed(folder, ca, user, user))
  return {
    ca: ca.certificate,
    keystore,
    of,
    wrong: await signed(folder, other, "wrong", "right"),
    expired: await signed(folder, ca, "expired", "right", -1)
  }
}

export const [ISSUER, AUDIENCE] = ["https://issuer.example", "tusk"]

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")

const token = (key: KeyObject, user: string, seconds: number): string => {
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: user, iss: ISSUER, aud: AUDIENCE, iat: now + Math.min(0, seconds) - 60, exp: now + seconds }
  const said = `${part({ alg: "RS256", typ: "JWT", kid: "matrix" })}.${part({ ...claims, scope: "kafka" })}`
  return `${said}.${createSign("RSA-SHA256").update(said).sign(key, "base64url")}`
}

export interface Tokens {
  /** `file:` address of the keys that sign. */
  readonly jwks: string
  readonly of: (user: string, seconds?: number) => string
  /** Signed by a key of which only the id is the right one's. */
  readonly forged: (user: string) => string
}

export const makeTokens = (folder: string): Tokens => {
  const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 })
  const [right, wrong] = [pair(), pair()]
  const keys = [{ ...right.publicKey.export({ format: "jwk" }), kid: "matrix", alg: "RS256", use: "sig" }]
  const file = join(folder, "jwks.json")
  writeFileSync(file, JSON.stringify({ keys }))
  return {
    jwks: pathToFileURL(file).href,
    of: (user, seconds = 3600) => token(right.privateKey, user, seconds),
    forged: (user) => token(wrong.privateKey, user, 3600)
  }
}
