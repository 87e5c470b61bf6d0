import { UsageError } from "../CliError.ts"
import type { Address } from "@tusk/client/Transport"

const DEFAULT_PORT = 9092

/** `host:port,host:port`; a port that is not given is 9092, an IPv6 address stands in brackets. */
export const parseBootstrap = (text: string): ReadonlyArray<Address> | UsageError => {
  const addresses: Array<Address> = []
  for (const part of text.split(",")) {
    const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(part.trim())
    const port = Number(found?.[3] ?? DEFAULT_PORT)
    if (found === null || port < 1 || port > 65535) {
      return new UsageError({ message: `--bootstrap-server ${text}: not HOST:PORT, or several with commas between` })
    }
    addresses.push({ host: found[1] ?? found[2]!, port })
  }
  return addresses
}
