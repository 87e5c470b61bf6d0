import type { AdminOptions } from "@tusk/server/Tusk"
import { CliError } from "./CliError.ts"

const DEFAULT: AdminOptions = { host: "127.0.0.1", port: 9644, isOptional: true }

/** Where `/metrics`, `/livez` and `/readyz` are served: `off` is nowhere. A port nobody asked for may be taken. */
export const parseAdmin = (text: string | undefined): AdminOptions | undefined | CliError => {
  if (text === undefined) return DEFAULT
  if (text.toLowerCase() === "off") return undefined
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s/]*):(\d{1,5})$/.exec(text.trim())
  const port = Number(parts?.[2])
  if (parts === null || port > 65535) return new CliError({ message: `--admin ${text}: not HOST:PORT, nor off` })
  const host = parts[1]!.replace(/^\[|\]$/g, "")
  return { host: host === "" ? "0.0.0.0" : host, port }
}
