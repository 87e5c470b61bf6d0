import { readFileSync } from "node:fs"
import type { Security } from "../BrokerConnection.ts"
import { ClientConfigError } from "./ClientConfigError.ts"
import { securityOf } from "./ClientSecurity.ts"
import type { Told } from "./KeyStores.ts"
import { parseProperties } from "./Properties.ts"

/** What a file says of a client, a property each, in order. `origin`: who named the file. */
export const readClientConfig = (
  file: string,
  origin: string
): ReadonlyArray<readonly [name: string, told: Told]> | ClientConfigError => {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return new ClientConfigError({ message: `${origin} ${file}: ${code ?? String(error)}` })
  }
  const properties = parseProperties(text, file)
  if (properties instanceof ClientConfigError) return properties
  return properties.map(({ name, origin: at, value }) => [name, { value, origin: at }])
}

/** How a file says that brokers are spoken with, and as whom. */
export const securityOfFile = (file: string, origin: string): Security | ClientConfigError => {
  const entries = readClientConfig(file, origin)
  return entries instanceof ClientConfigError ? entries : securityOf(new Map(entries))
}
