import { bytesOf, explicitTag, oidOf, partOf, partsOf, readDer } from "@tusk/client/security/Der"
import type { Der } from "@tusk/client/security/Der"

/** The attributes that RFC 2253 names; all others are told by their number, with their value in hex. */
const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"]
])

const UTF8_STRING = 0x0c
const BMP_STRING = 0x1e
const UNIVERSAL_STRING = 0x1c
const STRINGS: ReadonlySet<number> = new Set([UTF8_STRING, 0x13, 0x14, 0x16, 0x1b, BMP_STRING, UNIVERSAL_STRING])

const textOf = (value: Der): string => {
  const bytes = bytesOf(value)
  if (value.tag === BMP_STRING) return Buffer.from(bytes).swap16().toString("utf16le")
  if (value.tag === UNIVERSAL_STRING) {
    return String.fromCodePoint(...Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(4 * i)))
  }
  return bytes.toString(value.tag === UTF8_STRING ? "utf8" : "latin1")
}

/** As `java.security.auth.x500.X500Principal` escapes: also `=` and `#` wherever they stand, and blanks at both ends. */
const escaped = (text: string): string =>
  text
    .replace(/[,=+<>#;"\\]/g, "\\$&")
    .replaceAll("\0", "\\00")
    .replace(/^[ \r]+|[ \r]+$/g, (blanks) => blanks.replace(/[\s\S]/g, "\\$&"))

const attributeOf = (attribute: Der): string => {
  const [type, value] = [oidOf(partOf(attribute, 0)), partOf(attribute, 1)]
  const keyword = KEYWORDS.get(type)
  return keyword !== undefined && STRINGS.has(value.tag)
    ? `${keyword}=${escaped(textOf(value))}`
    : `${keyword ?? type}=#${value.whole.toString("hex")}`
}

/** A Name of X.501 as RFC 2253 writes it, as Java's `X500Principal.getName()` does: the last part first. */
const nameOf = (name: Der): string =>
  partsOf(name)
    .map((part) => partsOf(part).map(attributeOf).join("+"))
    .reverse()
    .join(",")

/** The name of whom a certificate is for, `CN=x,OU=…`. `certificate`: its DER. */
export const subjectOf = (certificate: Buffer): string => {
  const fields = partsOf(partOf(readDer(certificate), 0))
  // Version 1 has no field of its version. Then: serial number, algorithm, issuer, validity, subject (RFC 5280).
  return nameOf(fields[fields[0]?.tag === explicitTag(0) ? 5 : 4]!)
}
