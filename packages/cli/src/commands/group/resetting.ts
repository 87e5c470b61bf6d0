import * as Effect from "effect/Effect"
import type { GroupOffset } from "@tusk/client/admin/GroupOffsets"
import type { ClientError } from "@tusk/client/ClientError"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import { partitionText } from "@tusk/client/leaders"
import type { TopicPartition } from "@tusk/client/Metadata"
import { CliError } from "../../CliError.ts"
import type { Place } from "../../values/Place.ts"
import type { ResetTarget } from "../../values/Reset.ts"
import { offsetsOf, within } from "../places.ts"

type Offsets = Effect.Effect<ReadonlyArray<GroupOffset>, ClientError | CliError, KafkaClient>

/** Where a target lies in each of the partitions, within the log; `current` is what the group has committed. */
export const newOffsets = (
  target: ResetTarget,
  places: ReadonlyArray<TopicPartition>,
  current: ReadonlyArray<GroupOffset>
): Offsets => {
  switch (target._tag) {
    case "Earliest":
    case "Latest":
    case "Offset":
    case "Time":
      return offsetsOf(places, target satisfies Place)
    case "Current":
      return moved(places, current, 0n)
    case "Shift":
      return moved(places, current, target.by)
  }
}

const moved = (places: ReadonlyArray<TopicPartition>, current: ReadonlyArray<GroupOffset>, by: bigint): Offsets =>
  Effect.gen(function* () {
    const key = ({ partition, topic }: TopicPartition) => `${partition} ${topic}`
    const known = new Map(current.map((each) => [key(each), each.offset]))
    const missing = places.find((place) => !known.has(key(place)))
    if (missing !== undefined) {
      return yield* new CliError({ message: `${partitionText(missing)}: the group has no offset there to go on from` })
    }
    return yield* within(places, (_, place) => known.get(key(place))! + by)
  })
