import { readBootstrap } from "@tusk/client/bootstrap"
import type { Address } from "@tusk/client/Transport"
import { UsageError } from "../CliError.ts"

/** `host:port,host:port`, of a flag; a port that is not given is 9092, an IPv6 address stands in brackets. */
export const parseBootstrap = (text: string, flag = "bootstrap-server"): ReadonlyArray<Address> | UsageError =>
  readBootstrap(text) ?? new UsageError({ message: `--${flag} ${text}: not HOST:PORT, or several with commas between` })
