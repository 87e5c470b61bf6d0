import type { Tusk } from "@tusk/server/Tusk"
import { packageVersion } from "../packageVersion.ts"

/** What there is to say when a broker serves. */
export interface Greeting {
  readonly tusk: Tusk["Service"]
  readonly storage: "embedded" | "postgres" | "memory"
  /** Where the data is, as text for people. */
  readonly place: string
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** For people at a terminal. */
export const greetingText = ({ place, tusk }: Greeting): string => {
  const lines = tusk.listeners.map(
    (listener) => `Tusk listens on ${addressOf(listener)}${tusk.listeners.length > 1 ? ` (${listener.name})` : ""}`
  )
  const [server] = tusk.bootstrapServers.split(",")
  return [
    ...lines,
    `Data: ${place}`,
    ...(tusk.admin === undefined ? [] : [`Metrics: http://${addressOf(tusk.admin)}/metrics`]),
    `Try:  kcat -P -b ${server} -t hello    (type lines, then Ctrl-D; kcat -C -b ${server} -t hello reads them)`,
    `      new Kafka({ brokers: ["${server}"] })    (kafkajs)`,
    ""
  ].join("\n")
}

/** For programs: message and fields of one line. */
export const greetingLine = ({
  place,
  storage,
  tusk
}: Greeting): { readonly message: string; readonly fields: Record<string, unknown> } => {
  const version = packageVersion()
  const listeners = tusk.listeners.map((each) => `${each.name}://${addressOf(each)}`)
  return {
    // What follows an address is a space: tools look for the port.
    message: `Tusk ${version} listens on ${tusk.listeners.map((each) => `${addressOf(each)} (${each.name})`).join(", ")}`,
    fields: {
      version,
      storage,
      data: place,
      admin: tusk.admin === undefined ? undefined : `http://${addressOf(tusk.admin)}`,
      clusterId: tusk.clusterId,
      epoch: tusk.epoch,
      listeners: listeners.join(","),
      schemaVersion: tusk.schema?.version,
      schemaSteps: tusk.schema === undefined ? undefined : tusk.schema.taken.join(",")
    }
  }
}
