import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  errorCode,
  FencedLeaderEpoch,
  LeaderNotAvailable,
  NONE,
  NotLeaderOrFollower,
  UnknownLeaderEpoch
} from "@tusk/protocol/KafkaError"
import { Active } from "@tusk/storage/commit/Active"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { Listener } from "./ConnectionInfo.ts"

/** A broker as clients are told of it. */
export interface BrokerNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** What FindCoordinator asks of: groups, transactional ids, partitions of share groups. */
export const GROUP_KEY = 0
export const TRANSACTION_KEY = 1
export const SHARE_KEY = 2

/**
 * Which broker does what. All that need to know ask here, as it need not be this one: today one broker, the cluster's
 * writer, does all, and the epoch of the cluster is every partition's.
 */
export class Placement extends Context.Service<
  Placement,
  {
    /** This broker's id. */
    readonly me: number
    /** Brokers that serve. */
    readonly nodeIds: () => ReadonlySet<number>
    /** The same, as clients of this listener reach them. */
    readonly brokers: (listener: Listener) => ReadonlyArray<BrokerNode>
    readonly leaderOf: (partitionId: number) => number
    readonly leaderEpochOf: (partitionId: number) => number
    /** `keyType` is FindCoordinator's. */
    readonly coordinatorOf: (keyType: number, key: string) => number
    readonly controller: () => number
  }
>()("@tusk/server/request/Placement") {
  static readonly layer = Layer.effect(
    Placement,
    Effect.gen(function* () {
      const active = yield* Active
      const { nodeId } = yield* BrokerSettings
      const nodeIds = new Set([nodeId])
      return Placement.of({
        me: nodeId,
        nodeIds: () => nodeIds,
        brokers: ({ advertisedHost, advertisedPort }) => [
          { nodeId, host: advertisedHost, port: advertisedPort, rack: null }
        ],
        leaderOf: () => nodeId,
        leaderEpochOf: () => active.epoch(),
        coordinatorOf: () => nodeId,
        controller: () => nodeId
      })
    })
  )
}

type Places = Placement["Service"]

export interface Leadership {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export const NO_LEADER: Leadership = { leaderId: -1, leaderEpoch: -1 }

/**
 * Why this broker does not serve a partition to a client that takes this for its leader epoch (-1: does not say).
 * A client that it turns away as no leader learns of the leader, which alone can say whether the epoch is old.
 */
export const notLedHere = (
  placement: Places,
  partitionId: number,
  currentLeaderEpoch: number
): KafkaError | undefined => {
  if (placement.leaderOf(partitionId) !== placement.me) return new NotLeaderOrFollower()
  if (currentLeaderEpoch < 0) return undefined
  const epoch = placement.leaderEpochOf(partitionId)
  if (currentLeaderEpoch === epoch) return undefined
  return currentLeaderEpoch < epoch ? new FencedLeaderEpoch() : new UnknownLeaderEpoch()
}

/** The leader to turn to with an error that says to turn elsewhere, or to look again (KIP-951). */
export const leadershipFor = (error: KafkaError, placement: Places, partitionId: number | undefined): Leadership =>
  partitionId !== undefined && (error._tag === "NotLeaderOrFollower" || error._tag === "FencedLeaderEpoch")
    ? { leaderId: placement.leaderOf(partitionId), leaderEpoch: placement.leaderEpochOf(partitionId) }
    : NO_LEADER

/** How the leaders that were told are reached. */
export const endpointsOf = (
  leaders: ReadonlyArray<number>,
  placement: Places,
  listener: Listener
): ReadonlyArray<BrokerNode> => {
  if (leaders.length === 0) return NO_NODES
  const told = new Set(leaders)
  return placement.brokers(listener).filter(({ nodeId }) => told.has(nodeId))
}

const NO_NODES: ReadonlyArray<BrokerNode> = []

/** How a partition is kept, as both APIs that describe topics tell it. */
export const replicaStates = (placement: Places) => {
  const nodeIds = placement.nodeIds()
  /** One list a broker: there are many partitions. */
  const lists = new Map<number, ReadonlyArray<number>>()
  return (partitionId: number) => {
    const leader = placement.leaderOf(partitionId)
    let replicas = lists.get(leader)
    if (replicas === undefined) lists.set(leader, (replicas = [leader]))
    const isThere = nodeIds.has(leader)
    return {
      errorCode: isThere ? NONE : LEADER_NOT_AVAILABLE,
      leaderId: isThere ? leader : -1,
      leaderEpoch: placement.leaderEpochOf(partitionId),
      replicaNodes: replicas,
      isrNodes: isThere ? replicas : NO_REPLICAS,
      offlineReplicas: isThere ? NO_REPLICAS : replicas
    }
  }
}

const LEADER_NOT_AVAILABLE = errorCode(new LeaderNotAvailable())
const NO_REPLICAS: ReadonlyArray<number> = []
