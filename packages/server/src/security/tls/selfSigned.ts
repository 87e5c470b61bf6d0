/** Certificates for trying and for tests: ECDSA on P-256, of version 3 (RFC 5280). */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { isIP } from "node:net"
import { bits, explicit, implicit, integer, octets, oid, sequence, set, time, utf8, yes } from "./derOf.ts"

const ATTRIBUTES = { CN: "2.5.4.3", OU: "2.5.4.11", O: "2.5.4.10" } as const

/** Parts of a name, as they stand in the certificate: RFC 2253 tells the last one first. */
export type Subject = ReadonlyArray<readonly [attribute: keyof typeof ATTRIBUTES, value: string]>

export interface Pair {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
  /** For certificates that it signs. */
  readonly issuer: Issuer
}

export interface Issuer {
  readonly subject: Subject
  readonly key: KeyObject
}

export interface CertificateOptions {
  readonly subject: Subject
  /** Names and addresses that it stands for. */
  readonly hosts?: ReadonlyArray<string>
  /** Who signs it; else it signs itself. */
  readonly issuer?: Issuer
  /** It may sign others. */
  readonly isAuthority?: boolean
  readonly days?: number
  readonly now?: Date
}

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
const DAY_MS = 86_400_000

const nameOf = (subject: Subject): Buffer =>
  sequence(...subject.map(([attribute, text]) => set(sequence(oid(ATTRIBUTES[attribute]), utf8(text)))))

/** An address of version 4 or 6 in bytes. */
const addressOf = (host: string): Buffer => {
  if (isIP(host) === 4) return Buffer.from(host.split(".").map(Number))
  const [head = "", tail] = host.split("::")
  const groups = (text: string) => text.split(":").flatMap((group) => (group === "" ? [] : [group.padStart(4, "0")]))
  const [before, after] = [groups(head), groups(tail ?? "")]
  return Buffer.from(
    [...before, ...Array<string>(8 - before.length - after.length).fill("0000"), ...after].join(""),
    "hex"
  )
}

const hostOf = (host: string): Buffer =>
  isIP(host) === 0 ? implicit(2, Buffer.from(host)) : implicit(7, addressOf(host))

const extension = (id: string, content: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(content))

const extensionsOf = ({ hosts = [], isAuthority = false }: CertificateOptions): Buffer =>
  sequence(
    extension("2.5.29.19", sequence(...(isAuthority ? [yes] : [])), true),
    // keyCertSign, or digitalSignature.
    extension("2.5.29.15", isAuthority ? bits(Buffer.from([0x04]), 2) : bits(Buffer.from([0x80]), 7), true),
    // Of servers and of clients.
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"))),
    ...(hosts.length === 0 ? [] : [extension("2.5.29.17", sequence(...hosts.map(hostOf)))])
  )

/** A key and its certificate. Takes a millisecond. */
export const makeCertificate = (options: CertificateOptions): Pair => {
  const { days = 365, issuer, now = new Date(), subject } = options
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x4a]), randomBytes(15)])),
    ECDSA_SHA256,
    nameOf(issuer?.subject ?? subject),
    // A clock that is a little behind takes it, too.
    sequence(time(new Date(now.getTime() - 3_600_000)), time(new Date(now.getTime() + days * DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, extensionsOf(options))
  )
  const signature = sign("sha256", content, issuer?.key ?? privateKey)
  const der = sequence(content, ECDSA_SHA256, bits(signature))
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    issuer: { subject, key: privateKey }
  }
}

export const LOCAL_HOSTS: ReadonlyArray<string> = ["localhost", "127.0.0.1", "::1"]

/** A pair that signs itself, for this machine and for `hosts`. */
export const selfSigned = (hosts: ReadonlyArray<string> = [], days = 365): Pair =>
  makeCertificate({
    days,
    subject: [["CN", hosts[0] ?? "localhost"]],
    hosts: Array.from(new Set([...LOCAL_HOSTS, ...hosts]))
  })
