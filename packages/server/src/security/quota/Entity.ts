import { InvalidRequest } from "@tusk/protocol/KafkaError"
import type { StoredQuota } from "@tusk/storage/port/Security"
import { DEFAULT } from "./QuotaKinds.ts"

/** What a quota is of, by entity type; null: the default, which holds for all that have no own. */
export type Entity = ReadonlyMap<string, string | null>

/** In the order in which Apache Kafka tells them. */
const TYPES = ["ip", "client-id", "user"] as const

/** An entity as it came; of a type that is named twice the last counts. */
export const entityOf = (
  parts: ReadonlyArray<{ readonly entityType: string; readonly entityName: string | null }>
): Entity => {
  const entity = new Map(parts.map(({ entityName, entityType }) => [entityType, entityName]))
  const known = TYPES.filter((type) => entity.has(type))
  const others = Array.from(entity.keys()).filter((type) => !known.includes(type as (typeof TYPES)[number]))
  return new Map([...known, ...others].map((type) => [type, entity.get(type)!]))
}

/** As answers have it. */
export const partsOf = (entity: Entity) =>
  Array.from(entity, ([entityType, entityName]) => ({ entityType, entityName }))

/** Names it in a message, as Apache Kafka does. */
export const toldOf = (entity: Entity): string =>
  `ClientQuotaEntity(entries={${Array.from(entity, ([type, name]) => `${type}=${name}`).join(", ")}})`

export type StoredEntity = Pick<StoredQuota, "user" | "clientId" | "ip">

/** As the store keeps it. */
export const storedOf = (entity: Entity): StoredEntity => {
  const stored = (type: string) => (entity.has(type) ? (entity.get(type) ?? DEFAULT) : "")
  return { user: stored("user"), clientId: stored("client-id"), ip: stored("ip") }
}

export const entityOfStored = ({ clientId, ip, user }: StoredEntity): Entity => {
  const parts = [
    ["ip", ip],
    ["client-id", clientId],
    ["user", user]
  ] as const
  return new Map(parts.filter(([, name]) => name !== "").map(([type, name]) => [type, name === DEFAULT ? null : name]))
}

/** What is wrong with an entity whose quotas are to change, in Apache Kafka's words. */
export const entityProblem = (entity: Entity): InvalidRequest | undefined => {
  const invalid = (message: string) => new InvalidRequest({ message })
  for (const [type, name] of entity) {
    if (!TYPES.includes(type as (typeof TYPES)[number])) {
      return invalid(`Unhandled client quota entity type: ${type}`)
    }
    if (name === "") return invalid(`Empty ${type} not supported`)
    // Tusk's own: so are those named for whom there is no name.
    if (name === DEFAULT) return invalid(`The name ${DEFAULT} is reserved`)
  }
  if (entity.size === 0) return invalid("Invalid empty client quota entity")
  const ip = entity.get("ip")
  if (ip === undefined) return undefined
  if (entity.size > 1) {
    return invalid("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId")
  }
  return ip === null || addressOf(ip) !== undefined ? undefined : invalid(`${ip} is not a valid IP or resolvable host.`)
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** An address as sockets tell it, however it is written; undefined if it is none. */
const addressOf = (text: string): string | undefined => {
  if (IPV4.test(text)) return text
  if (!text.includes(":") || !URL.canParse(`http://[${text}]`)) return undefined
  const plain = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(plain)
  if (mapped === null) return plain
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join(".")
}

/** The same, or the text itself if it is none. */
export const plainAddress = (text: string): string => addressOf(text) ?? text
