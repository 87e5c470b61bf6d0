import {
  InvalidShareSessionEpoch,
  ShareSessionLimitReached,
  ShareSessionNotFound,
  type KafkaError
} from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** Epochs of ShareFetch and ShareAcknowledge: a session begins, a session ends. */
export const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1

/** A session that was not used for so long may be taken away if there are too many, in milliseconds. */
const IDLE_MS = 120_000
const MAX_EPOCH = 0x7fff_ffff

export interface SharedPartition {
  readonly topicId: string
  readonly partition: number
}

/** What one member of one share group fetches from, between its requests. */
export interface ShareSession {
  readonly groupId: string
  readonly memberId: string
  /** The epoch of its next request. */
  epoch: number
  usedAtMs: number
  /** Called when it is over, however that came. */
  ended: () => void
  /** By topic id and partition, in order of arrival; the first is asked first, and then goes behind the others. */
  readonly partitions: Map<string, SharedPartition>
}

export interface ShareSessionRequest {
  readonly groupId: string
  readonly memberId: string
  readonly epoch: number
  readonly added: ReadonlyArray<SharedPartition>
  readonly forgotten: ReadonlyArray<SharedPartition>
  readonly maxSessions: number
}

const nameOf = ({ partition, topicId }: SharedPartition): string => `${topicId}/${partition}`
const keyOf = (groupId: string, memberId: string): string => `${memberId}/${groupId}`

/** Share sessions (KIP-932): one a member, told by epochs, so that requests need not name every partition. */
export class ShareSessions extends Context.Service<
  ShareSessions,
  {
    /**
     * The session that a request belongs to. INVALID_SHARE_SESSION_EPOCH if it is not the next one,
     * SHARE_SESSION_NOT_FOUND, SHARE_SESSION_LIMIT_REACHED.
     */
    readonly use: (request: ShareSessionRequest, nowMs: number) => ShareSession | KafkaError
    /** Whether it was open until now. */
    readonly close: (session: ShareSession) => boolean
    readonly count: () => number
  }
>()("@tusk/server/share/ShareSessions") {
  static readonly layer = Layer.sync(ShareSessions, () => ShareSessions.of(makeShareSessions()))
}

export const makeShareSessions = (): ShareSessions["Service"] => {
  const sessions = new Map<string, ShareSession>()

  const drop = (key: string, session: ShareSession): void => {
    sessions.delete(key)
    session.ended()
  }

  const begin = ({ groupId, maxSessions, memberId }: ShareSessionRequest, nowMs: number): ShareSession | KafkaError => {
    const key = keyOf(groupId, memberId)
    if (!sessions.has(key) && sessions.size >= maxSessions) {
      for (const [other, session] of sessions) if (session.usedAtMs < nowMs - IDLE_MS) drop(other, session)
      if (sessions.size >= maxSessions) {
        return new ShareSessionLimitReached({
          message: `There are ${sessions.size} share sessions, no more are taken.`
        })
      }
    }
    sessions.get(key)?.ended()
    const session: ShareSession = {
      groupId,
      memberId,
      epoch: 1,
      usedAtMs: nowMs,
      ended: () => {},
      partitions: new Map()
    }
    sessions.set(key, session)
    return session
  }

  const next = ({ epoch, groupId, memberId }: ShareSessionRequest, nowMs: number): ShareSession | KafkaError => {
    const session = sessions.get(keyOf(groupId, memberId))
    if (session === undefined) return new ShareSessionNotFound()
    if (epoch !== FINAL_EPOCH) {
      if (epoch !== session.epoch) {
        return new InvalidShareSessionEpoch({ message: `The session's epoch is ${session.epoch}, not ${epoch}.` })
      }
      session.epoch = epoch === MAX_EPOCH ? 1 : epoch + 1
    }
    session.usedAtMs = nowMs
    return session
  }

  return {
    use: (request, nowMs) => {
      const session = request.epoch === INITIAL_EPOCH ? begin(request, nowMs) : next(request, nowMs)
      if ("_tag" in session) return session
      for (const partition of request.added) session.partitions.set(nameOf(partition), partition)
      for (const partition of request.forgotten) session.partitions.delete(nameOf(partition))
      return session
    },
    close: (session) => {
      const key = keyOf(session.groupId, session.memberId)
      // The member may have begun another one meanwhile.
      if (sessions.get(key) !== session) return false
      drop(key, session)
      return true
    },
    count: () => sessions.size
  }
}

/** A partition that was served goes behind the others. */
export const served = (session: ShareSession, partition: SharedPartition): void => {
  const name = nameOf(partition)
  if (session.partitions.delete(name)) session.partitions.set(name, partition)
}
