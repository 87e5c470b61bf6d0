import type { Address } from "./Transport.ts"

const DEFAULT_PORT = 9092

/** `host:port,host:port`; a port that is not given is 9092, an IPv6 address stands in brackets. Undefined for anything else. */
export const readBootstrap = (text: string): ReadonlyArray<Address> | undefined => {
  const addresses: Array<Address> = []
  for (const part of text.split(",")) {
    const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(part.trim())
    const port = Number(found?.[3] ?? DEFAULT_PORT)
    if (found === null || port < 1 || port > 65535) return undefined
    addresses.push({ host: found[1] ?? found[2]!, port })
  }
  return addresses
}
