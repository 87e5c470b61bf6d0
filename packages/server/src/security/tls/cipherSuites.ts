import { getCiphers } from "node:tls"

/** Forward secrecy and authenticated encryption, the cheapest first. */
export const DEFAULT_CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305"
].join(":")

/** `AES_128_GCM_SHA256` as OpenSSL writes it: no underscore before the size, nothing of CBC, no hash where only one is used. */
const cipherOf = (iana: string): string =>
  iana
    .replace(/^3DES_EDE_CBC/, "DES-CBC3")
    .replace(/^(AES|ARIA|CAMELLIA)_(\d+)/, "$1$2")
    .replace(/_CBC/, "")
    .replace(/^CHACHA20_POLY1305_SHA256/, "CHACHA20-POLY1305")
    .replaceAll("_", "-")

/** OpenSSL's name of a cipher suite by its IANA (and Java's) name; undefined if this Node has none of it. */
export const openSslCipher = (iana: string): string | undefined => {
  const name = iana.trim().toUpperCase()
  const parts = /^(?:TLS|SSL)_(.+)_WITH_(.+)$/.exec(name)
  // Those of TLS 1.3 have one name.
  const [exchange, cipher] = parts === null ? ["", name] : [parts[1]!, cipherOf(parts[2]!)]
  const known = exchange === "" || exchange === "RSA" ? cipher : `${exchange.replaceAll("_", "-")}-${cipher}`
  return getCiphers().includes(known.toLowerCase()) ? known : undefined
}
