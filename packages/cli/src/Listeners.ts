import type { SettingEntry } from "@tusk/server/config/Settings"
import type { ListenOptions, SecurityProtocol } from "@tusk/server/Tusk"
import { CliError } from "./CliError.ts"

interface Place {
  readonly name: string | undefined
  readonly host: string
  readonly port: number
}

/** What Kafka's other settings say of its listeners. */
export interface KafkaListeners {
  /** Names of listeners that only controllers use. */
  readonly controllers: ReadonlySet<string>
  /** By a listener's name in upper case, as they were said. */
  readonly protocols: ReadonlyMap<string, string>
}

export interface Listeners {
  readonly listeners: ReadonlyArray<ListenOptions>
  /** Listeners that Tusk has no use for, by name. */
  readonly warnings: ReadonlyArray<string>
}

const DEFAULT_NAME = "PLAINTEXT"
const PROTOCOLS: ReadonlyArray<SecurityProtocol> = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
const isProtocol = (text: string): text is SecurityProtocol => (PROTOCOLS as ReadonlyArray<string>).includes(text)

/** Settings of Kafka's that are acted on here alone. */
export const LISTENERS_SETTINGS: ReadonlyArray<string> = ["controller.listener.names", "listener.security.protocol.map"]

/** `controller.listener.names` and `listener.security.protocol.map`, wherever they were said. */
export const kafkaListeners = (settings: ReadonlyArray<SettingEntry>): KafkaListeners => {
  const listOf = (name: string) =>
    (settings.findLast((entry) => entry.name === name)?.value ?? "").split(",").flatMap((each) => each.trim() || [])
  return {
    controllers: new Set(listOf("controller.listener.names")),
    protocols: new Map(
      listOf("listener.security.protocol.map").map((pair) => {
        const [name, protocol] = pair.split(":")
        return [name!.trim().toUpperCase(), (protocol ?? "").trim()]
      })
    )
  }
}

/**
 * What a listener speaks: as `listener.security.protocol.map` says, else what its name says, else PLAINTEXT: but a name that
 * promises protection, and one that a map leaves out, is refused rather than served in the clear.
 */
const protocolOf = (
  name: string,
  protocols: KafkaListeners["protocols"],
  text: string
): SecurityProtocol | CliError => {
  const listener = name.toUpperCase()
  const said = protocols.get(listener)
  const protocol = (said ?? listener).toUpperCase()
  if (isProtocol(protocol)) return protocol
  const known = `one of ${PROTOCOLS.join(", ")}`
  if (said !== undefined) {
    return new CliError({
      message: `--listen ${text}: listener.security.protocol.map says ${name}:${said}, not ${known}`
    })
  }
  return protocols.size > 0 || /SSL|TLS|SASL/.test(listener)
    ? new CliError({
        message: `--listen ${text}: listener.security.protocol.map does not say what ${name} is, ${known}`
      })
    : "PLAINTEXT"
}

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

const nameOf = (text: string): string | undefined => /^([^:]+):\/\//.exec(text)?.[1]

/** Listeners, and the address that clients are told for each: an advertised place belongs to the listener of its name. */
export const parseListeners = (
  listen: ReadonlyArray<string>,
  advertise: ReadonlyArray<string>,
  { controllers, protocols }: KafkaListeners
): Listeners | CliError => {
  const isController = (text: string) => controllers.has(nameOf(text) ?? "")
  const served = listen.filter((text) => !isController(text))
  if (listen.length > 0 && served.length === 0) {
    return new CliError({ message: `--listen ${listen.join(",")}: these are controllers', none is left for clients` })
  }
  const places: Array<Place & { readonly protocol: SecurityProtocol }> = []
  for (const text of served.length === 0 ? ["127.0.0.1:9092"] : served) {
    const place = parsePlace(text, "listen")
    if (place instanceof CliError) return place
    const protocol = protocolOf(place.name ?? DEFAULT_NAME, protocols, text)
    if (protocol instanceof CliError) return protocol
    places.push({ ...place, protocol })
  }
  const names = places.map(({ name }) => name ?? DEFAULT_NAME)
  if (new Set(names.map((name) => name.toUpperCase())).size !== names.length) {
    return new CliError({ message: "--listen: with several listeners each needs a name of its own, NAME://HOST:PORT" })
  }
  const told = parseAdvertised(
    advertise.filter((text) => !isController(text)),
    names
  )
  if (told instanceof CliError) return told
  return {
    listeners: places.map(({ host, port, protocol }, i): ListenOptions => {
      const name = names[i]!
      const advertised = told.get(name)
      return {
        name,
        ...(protocol === "PLAINTEXT" ? {} : { protocol }),
        host,
        port,
        ...(advertised === undefined ? {} : { advertised })
      }
    }),
    warnings: listen
      .filter(isController)
      .map(
        (text) =>
          `the listener ${text} is a controller's (controller.listener.names): Tusk has none, and does not listen there`
      )
  }
}

type Advertised = ReadonlyMap<string, { readonly host: string; readonly port: number }>

const parseAdvertised = (advertise: ReadonlyArray<string>, names: ReadonlyArray<string>): Advertised | CliError => {
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
  return advertised
}
