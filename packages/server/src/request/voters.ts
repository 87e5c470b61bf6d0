import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { InconsistentClusterId, InvalidRequest, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"

interface Voter {
  readonly clusterId: string | null
  readonly voterId: number
  readonly voterDirectoryId: string
}

/** The directory that Kafka keeps for itself. */
const RESERVED_UUID = "AAAAAAAAAAAAAAAAAAAAAQ"

/** Why the quorum gets no voter and loses none: what Kafka says where its quorum is fixed (kraft.version 0). */
export const voterProblem = (change: "add" | "remove", clusterId: string, asked: Voter): KafkaError => {
  if (asked.clusterId !== null && asked.clusterId !== clusterId) {
    return new InconsistentClusterId({
      message: `The given id "${asked.clusterId}" doesn't match the cluster id "${clusterId}"`
    })
  }
  if (asked.voterId < 0 || asked.voterDirectoryId === ZERO_UUID || asked.voterDirectoryId === RESERVED_UUID) {
    const what = change === "add" ? "Add" : "Remove"
    return new InvalidRequest({ message: `${what} voter request didn't include a valid voter` })
  }
  const doing = change === "add" ? "adding" : "removing"
  return new UnsupportedVersion({
    message: `Cluster doesn't support ${doing} voter because the kraft.version feature is 0`
  })
}
