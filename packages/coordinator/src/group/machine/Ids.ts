import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidGroupId, InvalidRequest } from "@tusk/protocol/KafkaError"

/** `tusk.group.id.max.bytes`, if nothing else is said. */
export const GROUP_ID_MAX_BYTES = 1024

/**
 * Kafka has no limit but that of a string. Group and member together are a key of a table, and a Postgres index has 2,704
 * bytes for one.
 */
export const MEMBER_ID_MAX_BYTES = 512

/** As much as Kafka's own clients let pass of a `group.instance.id`. */
const INSTANCE_ID_MAX_BYTES = 249

/** What is taken of a client's name for the member id it is given: at most three bytes each, and an id follows. */
const NAME_IN_MEMBER_ID = 150

/** In UTF-8, as it is stored: two characters that Postgres' text cannot hold, or that stand for them, take two. */
export const storedBytes = (text: string): number => {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += unit === 0 || unit === 0x1a ? 2 : 1
    else if (unit < 0x800) bytes += 2
    else if (text.codePointAt(i)! > 0xffff) {
      bytes += 4
      i++
    } else bytes += 3
  }
  return bytes
}

/** Most are far too short to be counted. */
const isWithin = (text: string, maxBytes: number): boolean =>
  text.length * 3 <= maxBytes || (text.length <= maxBytes && storedBytes(text) <= maxBytes)

/** The client that asks something of a group. */
export interface Asker {
  readonly memberId?: string | null
  readonly groupInstanceId?: string | null
}

export const groupIdError = (groupId: string, maxBytes: number): KafkaError | null =>
  isWithin(groupId, maxBytes)
    ? null
    : new InvalidGroupId({ message: `The group id takes more than ${maxBytes} bytes (tusk.group.id.max.bytes).` })

export const askerError = ({ groupInstanceId, memberId }: Asker): KafkaError | null => {
  if (typeof memberId === "string" && !isWithin(memberId, MEMBER_ID_MAX_BYTES)) {
    return new InvalidRequest({ message: `The member id takes more than ${MEMBER_ID_MAX_BYTES} bytes.` })
  }
  return typeof groupInstanceId === "string" && !isWithin(groupInstanceId, INSTANCE_ID_MAX_BYTES)
    ? new InvalidRequest({ message: `The group instance id takes more than ${INSTANCE_ID_MAX_BYTES} bytes.` })
    : null
}

/** The id of a new member of this name. */
export const newMemberIdOf = (name: string, uuid: string): string =>
  `${name.slice(0, NAME_IN_MEMBER_ID).toWellFormed()}-${uuid}`
