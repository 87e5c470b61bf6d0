import type { ListenOptions } from "@tusk/server/Tusk"
import { CliError } from "./CliError.ts"

interface Place {
  readonly name: string | undefined
  readonly host: string
  readonly port: number
}

const DEFAULT_NAME = "PLAINTEXT"

/** `host:port`, `NAME://host:port`, `[::1]:9092`. */
const parsePlace = (text: string, flag: string): Place | CliError => {
  const parts = /^(?:([A-Za-z][A-Za-z0-9_-]*):\/\/)?(\[[0-9a-fA-F:.]+\]|[^:[\]\s/]*):(\d{1,5})$/.exec(text.trim())
  const port = Number(parts?.[3])
  if (parts === null || port > 65535) {
    return new CliError({ message: `--${flag} ${text}: not HOST:PORT or NAME://HOST:PORT` })
  }
  const host = parts[2]!.replace(/^\[|\]$/g, "")
  return { name: parts[1], host: host === "" ? "0.0.0.0" : host, port }
}

/** Listeners, and the address that clients are told for each: an advertised place belongs to the listener of its name. */
export const parseListeners = (
  listen: ReadonlyArray<string>,
  advertise: ReadonlyArray<string>
): ReadonlyArray<ListenOptions> | CliError => {
  const places: Array<Place> = []
  for (const text of listen.length === 0 ? ["127.0.0.1:9092"] : listen) {
    const place = parsePlace(text, "listen")
    if (place instanceof CliError) return place
    places.push(place)
  }
  const names = places.map(({ name }) => name ?? DEFAULT_NAME)
  if (new Set(names).size !== names.length) {
    return new CliError({ message: "--listen: with several listeners each needs a name of its own, NAME://HOST:PORT" })
  }
  const advertised = new Map<string, { readonly host: string; readonly port: number }>()
  for (const text of advertise) {
    const place = parsePlace(text, "advertise")
    if (place instanceof CliError) return place
    if (place.host === "0.0.0.0" || place.host === "::") {
      return new CliError({
        message: `--advertise ${text}: clients cannot connect to ${place.host}, give a name or address`
      })
    }
    const name = place.name ?? (names.length === 1 ? names[0]! : DEFAULT_NAME)
    if (!names.includes(name)) {
      return new CliError({ message: `--advertise ${text}: there is no listener named ${name}` })
    }
    advertised.set(name, { host: place.host, port: place.port })
  }
  return places.map(({ host, port }, i): ListenOptions => {
    const told = advertised.get(names[i]!)
    return told === undefined ? { name: names[i]!, host, port } : { name: names[i]!, host, port, advertised: told }
  })
}
