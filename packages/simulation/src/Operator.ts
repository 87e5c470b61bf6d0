import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import { ElectLeaders } from "@tusk/protocol/messages/ElectLeaders"
import { GetTelemetrySubscriptions } from "@tusk/protocol/messages/GetTelemetrySubscriptions"
import { PushTelemetry } from "@tusk/protocol/messages/PushTelemetry"
import { UpdateFeatures } from "@tusk/protocol/messages/UpdateFeatures"
import { compress, GZIP } from "@tusk/protocol/record/Compression"
import * as Effect from "effect/Effect"
import { Client, request, type ClientWorld } from "./Client.ts"
import { TOPIC } from "./topicNames.ts"

/** One empty `ResourceMetrics` of OTLP. */
const METRICS = compress(GZIP, Uint8Array.of(0x0a, 0))

/** Somebody who looks after the cluster, and a client that pushes its metrics: each answer comes in time, and is of the writer. */
export const operator = (shared: ClientWorld): Effect.Effect<void> => {
  const client = new Client(shared, "operator")
  const { chance } = client
  let clientInstanceId = ZERO_UUID
  let subscriptionId = 0
  const replicas = () => chance.pick([[], [1], [1, 9], null])
  const requests = [
    () =>
      request(AlterPartitionReassignments, 1, {
        ...AlterPartitionReassignments.request.defaults(),
        topics: [{ name: TOPIC, partitions: [{ partitionIndex: chance.below(2), replicas: replicas() }] }]
      }),
    () =>
      request(DescribeQuorum, 2, {
        topics: [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }]
      }),
    () => request(ElectLeaders, 2, { electionType: 0, topicPartitions: null, timeoutMs: 1000 }),
    () =>
      request(UpdateFeatures, 2, {
        ...UpdateFeatures.request.defaults(),
        featureUpdates: [{ feature: "group.version", maxVersionLevel: 1, upgradeType: 1, allowDowngrade: false }]
      })
  ]
  const look = Effect.suspend(() => {
    const { api, body, version } = chance.pick(requests)()
    return client.call(api, version, body)
  })
  const push = Effect.gen(function* () {
    const asked = yield* client.call(GetTelemetrySubscriptions, 0, { clientInstanceId })
    if (asked.errorCode === 0) ({ clientInstanceId, subscriptionId } = asked)
    if (clientInstanceId === ZERO_UUID) return
    const body = { clientInstanceId, subscriptionId, terminating: false, compressionType: GZIP, metrics: METRICS }
    const { errorCode } = yield* client.call(PushTelemetry, 0, body)
    client.log(`pushes: error ${errorCode}`)
  })
  return Effect.forever(
    Effect.andThen(
      Effect.suspend(() => Effect.sleep(chance.between(100, 2000))),
      Effect.suspend(() => Effect.ignore(chance.permille(700) ? look : push))
    )
  )
}
