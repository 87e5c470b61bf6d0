import {
  InvalidRequest,
  InvalidTransactionTimeout,
  PolicyViolation,
  TransactionalIdNotFound,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { join } from "@tusk/storage/commit/Participant"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { apart, Log } from "@tusk/storage/log/Log"
import type { Appended, AppendRequest } from "@tusk/storage/log/Log"
import { ProducerIds } from "@tusk/storage/log/ProducerIds"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import type { CommittedOffset } from "@tusk/storage/offsets/Offsets"
import { Topics } from "@tusk/storage/topics/Topics"
import { TransactionStore } from "@tusk/storage/transactions/TransactionStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { storedBytes } from "../../group/machine/Ids.ts"
import { addToTransaction, refuseProducer, verifyInTransaction } from "../machine/AddToTransaction.ts"
import type { AddToTransaction } from "../machine/AddToTransaction.ts"
import { refused } from "../machine/Decision.ts"
import type { Moment, Producer } from "../machine/Decision.ts"
import { endTransaction } from "../machine/EndTransaction.ts"
import type { EndTransaction } from "../machine/EndTransaction.ts"
import { initProducer } from "../machine/InitProducer.ts"
import type { InitProducer } from "../machine/InitProducer.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import { makeChange } from "./Change.ts"
import type { Change } from "./Change.ts"
import { forgettingGroup } from "./forgettingGroup.ts"
import { loadTransactions } from "./loadTransactions.ts"
import { asProducing, Producing } from "./Producing.ts"
import type { ProducerKind } from "./Producing.ts"
import { defaultTransactionConfig } from "./TransactionConfig.ts"
import type { TransactionConfig } from "./TransactionConfig.ts"
import { TransactionTable } from "./TransactionTable.ts"
import { keepTime } from "./TransactionTimes.ts"
import type { TransitionPorts } from "./Transition.ts"

/** The producer that works under a transactional id. */
export interface TransactionalProducer extends Producer {
  readonly transactionalId: string
}

/**
 * The transaction coordinator: what begins, adds to or ends a transaction is one commit with its records and offsets. An
 * end is stored with all its markers, so that no answer is "try again, the last one is not over yet".
 */
export class Transactions extends Context.Service<
  Transactions,
  {
    /** The id and epoch of a producer that begins or recovers; what its predecessor has open is aborted. */
    readonly initProducer: (
      transactionalId: string,
      request: Omit<InitProducer, "newProducerId">
    ) => Effect.Effect<Producer, KafkaError>
    /** Partitions, a group, or offsets become part of the transaction, which begins with the first of them. */
    readonly add: (
      producer: TransactionalProducer,
      request: Pick<AddToTransaction, "partitionIds" | "groupId" | "offsets">
    ) => Effect.Effect<void, KafkaError>
    /** The same for offsets of a producer that names its groups itself: the group has to be part of the transaction. */
    readonly addOffsets: (
      producer: TransactionalProducer,
      groupId: string,
      groupPartitionId: number,
      offsets: ReadonlyArray<CommittedOffset>,
      kind: ProducerKind
    ) => Effect.Effect<void, KafkaError>
    /** Why the producer may not add offsets of a group, or a partition, as of what is stored; undefined: it may. */
    readonly refusal: (
      producer: TransactionalProducer,
      kind: ProducerKind,
      partitionId: number
    ) => KafkaError | undefined
    /** Whether the partition is part of the producer's transaction: TRANSACTION_ABORTABLE if it is not. */
    readonly verify: (producer: TransactionalProducer, partitionId: number | undefined) => KafkaError | undefined
    /** The appends of a transactional Produce, which ask whether their transaction may begin. A result an append. */
    readonly append: (
      producer: TransactionalProducer,
      kind: ProducerKind,
      requests: ReadonlyArray<AppendRequest>,
      timeoutMs?: number
    ) => Effect.Effect<ReadonlyArray<Appended | KafkaError>>
    /** The producer's id and epoch from then on. */
    readonly end: (
      transactionalId: string,
      request: Omit<EndTransaction, "newProducerId">
    ) => Effect.Effect<Producer, KafkaError>
    /** TRANSACTIONAL_ID_NOT_FOUND. */
    readonly find: (transactionalId: string) => Effect.Effect<TransactionState, KafkaError>
    readonly all: () => Iterable<[transactionalId: string, state: TransactionState]>
  }
>()("@tusk/coordinator/transaction/shell/Transactions") {
  static readonly layer = (config: Partial<TransactionConfig> = {}) =>
    Layer.effect(Transactions, make({ ...defaultTransactionConfig, ...config }))
}

type Service = Transactions["Service"]

const formerOf = (committed: CommittedOffset | undefined) =>
  committed === undefined ? null : { offset: committed.offset, commitTimestamp: committed.commitTimestamp }

/** Why no producer may have this transactional id; undefined: one may. */
const idError = (transactionalId: string, { maxIdBytes }: TransactionConfig): KafkaError | undefined => {
  if (transactionalId === "") return new InvalidRequest({ message: "The transactional id is empty." })
  if (storedBytes(transactionalId) <= maxIdBytes) return undefined
  const message = `The transactional id takes more than ${maxIdBytes} bytes (tusk.transactional.id.max.bytes).`
  return new InvalidRequest({ message })
}

/** What the requests work with. */
interface Parts {
  readonly config: TransactionConfig
  readonly change: Change
  readonly ports: TransitionPorts
  readonly committer: Pick<Committer["Service"], "submit">
  readonly appending: Log["Service"]["appending"]
}

/** What begins, adds to and ends transactions. */
const makeChanging = ({
  change,
  config,
  ports
}: Parts): Pick<Service, "initProducer" | "add" | "addOffsets" | "end"> => {
  const { offsets, table } = ports
  /** With the id looked at first. */
  const named = <A>(
    transactionalId: string,
    changed: () => Effect.Effect<A, KafkaError>
  ): Effect.Effect<A, KafkaError> => {
    const wrong = idError(transactionalId, config)
    return wrong === undefined ? changed() : Effect.fail(wrong)
  }
  const full = () =>
    refused(
      new PolicyViolation({ message: `There are ${config.maxIds} transactional ids (tusk.max.transactional.ids).` })
    )
  return {
    initProducer: (transactionalId, request) =>
      named(transactionalId, () => {
        if (request.timeoutMs <= 0 || request.timeoutMs > config.maxTimeoutMs) {
          return Effect.fail(new InvalidTransactionTimeout())
        }
        return change(transactionalId, (known, now, newProducerId) =>
          known === undefined && table.size >= config.maxIds
            ? full()
            : initProducer(known, { ...request, newProducerId }, now)
        )
      }),
    end: (transactionalId, request) =>
      named(transactionalId, () =>
        change(transactionalId, (known, now, newProducerId) =>
          endTransaction(known, { ...request, newProducerId }, now)
        )
      ),
    add: ({ transactionalId, ...producer }, request) =>
      named(transactionalId, () =>
        change(
          transactionalId,
          (known, now) => addToTransaction(known, { ...producer, ...request }, now),
          request.partitionIds
        )
      ),
    addOffsets: ({ transactionalId, ...producer }, groupId, groupPartitionId, sent, kind) =>
      change(transactionalId, (known, now) => {
        const error =
          kind === "Adds"
            ? undefined
            : verifyInTransaction(known, producer, groupPartitionId, kind === "NamesAndAborts", now)
        if (error !== undefined) return refused(error)
        const committed = offsets.fetch(groupId)
        const pending = sent.map((offset) => ({ ...offset, former: formerOf(committed.get(offset.partitionId)) }))
        return addToTransaction(
          known,
          { ...producer, partitionIds: [groupPartitionId], groupId, offsets: pending },
          now
        )
      }).pipe(Effect.mapError(asProducing))
  }
}

/** What looks at transactions as they are stored, and what appends to them. */
const makeLooking = (parts: Parts): Pick<Service, "refusal" | "verify" | "append" | "find" | "all"> => {
  const { appending, committer, config, ports } = parts
  const { moment, table } = ports
  return {
    refusal: ({ transactionalId, ...producer }, kind, partitionId) => {
      const known = table.get(transactionalId)
      const error =
        kind === "Adds"
          ? refuseProducer(known, producer, moment())
          : verifyInTransaction(known, producer, partitionId, kind === "NamesAndAborts", moment())
      return error === undefined ? undefined : asProducing(error)
    },
    verify: ({ transactionalId, ...producer }, partitionId) =>
      partitionId === undefined
        ? new UnknownTopicOrPartition()
        : verifyInTransaction(table.get(transactionalId), producer, partitionId, true, moment()),
    append: ({ transactionalId, ...producer }, kind, all, timeoutMs) =>
      apart(all, (requests) =>
        Effect.suspend(() => {
          const producing = new Producing(ports, transactionalId, producer, kind)
          const { mayBegin } = producing
          const asking = requests.map((request) => ({ ...request, mayBegin }))
          return committer.submit(join(appending(asking), producing), timeoutMs).pipe(
            Effect.map(([results]) => results),
            Effect.catch((error) => Effect.succeed(requests.map(() => error)))
          )
        })
      ),
    find: (transactionalId) =>
      Effect.suspend(() => {
        const wrong = transactionalId === "" ? idError(transactionalId, config) : undefined
        const state = table.get(transactionalId)
        if (wrong !== undefined) return Effect.fail(wrong)
        return state === undefined ? Effect.fail(new TransactionalIdNotFound()) : Effect.succeed(state)
      }),
    all: () => table.all()
  }
}

const make = Effect.fnUntraced(function* (config: TransactionConfig) {
  const active = yield* Active
  const clock = yield* Clock.Clock
  const committer = yield* Committer
  const groups = yield* GroupStore
  const log = yield* Log
  const offsets = yield* Offsets
  const producerIds = yield* ProducerIds
  const store = yield* TransactionStore
  const topics = yield* Topics
  const table = new TransactionTable(offsets)
  const moment = (): Moment => ({ nowMs: clock.currentTimeMillisUnsafe(), failoverEpoch: store.failoverEpoch() })
  const ports: TransitionPorts = { table, store, log, offsets, topics, leaderEpoch: active.epoch, moment }
  const loading = yield* loadTransactions(table, store)
  const change = makeChange({ ports, committer, producerIds, loading })
  groups.onDeleted({ joined: (groupId) => forgettingGroup(ports, groupId) })
  yield* keepTime({ config, change, ports, committer })
  const parts: Parts = { config, change, ports, committer, appending: log.appending }
  return Transactions.of({ ...makeChanging(parts), ...makeLooking(parts) })
})
