import { Log } from "@tusk/storage/log/Log"
import type { Unit } from "@tusk/storage/port/Write"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Plant } from "./Plant.ts"

const hasEnd = (unit: Unit): boolean => unit.some(({ _tag }) => _tag === "EndTransaction")

/** The first partition of a unit that ends a transaction, and the rest of it. */
const apart = (unit: Unit): readonly [Unit, Unit] => {
  const first = unit.find((write) => write._tag === "EndTransaction")
  const isFirst = (write: Unit[number]): boolean => "partitionId" in write && write.partitionId === first?.partitionId
  return [unit.filter(isFirst), unit.filter((write) => !isFirst(write))]
}

/** The marker of one partition is stored before all else of the end of a transaction. */
const endInTwoCommits: Plant = {
  name: "end-in-two-commits",
  seed: 11,
  store: (store) => ({
    ...store,
    commit: (units) => {
      if (!units.some(hasEnd)) return store.commit(units)
      const parts = units.map((unit) => (hasEnd(unit) ? apart(unit) : ([unit, []] as const)))
      const notEmpty = (unit: Unit): boolean => unit.length > 0
      const [before, after] = [0, 1].map((i) => parts.map((part) => part[i]!).filter(notEmpty))
      return Effect.andThen(store.commit(before!), after!.length === 0 ? Effect.void : store.commit(after!))
    }
  })
}

/** What is open is not read again after a restart. */
const forgetOpenTransaction: Plant = {
  name: "forget-open-transaction",
  store: (store) => ({
    ...store,
    loadPartitions: (ids) =>
      Effect.map(store.loadPartitions(ids), (partitions) =>
        partitions.map((partition) => ({ ...partition, openTransactions: [] }))
      )
  })
}

const changedLog = (change: (log: Log["Service"]) => Partial<Log["Service"]>) =>
  Layer.effect(
    Log,
    Effect.map(Log, (log) => ({ ...log, ...change(log) }))
  ).pipe(Layer.provide(Log.layer))

/** A reader of committed records is given what is not decided. */
const lsoTooFar: Plant = {
  name: "lso-too-far",
  parts: {
    log: changedLog((log) => ({
      read: (requests, options) => log.read(requests, { ...options, bound: "HighWatermark" }),
      readNow: (requests, options) => log.readNow(requests, { ...options, bound: "HighWatermark" })
    }))
  }
}

/** A batch begins a transaction in a partition, whichever producer sends it. */
const lateZombieAppend: Plant = {
  name: "late-zombie-append",
  parts: {
    log: changedLog((log) => ({
      appending: (requests) =>
        log.appending(
          requests.map((request) =>
            request.mayBegin === undefined
              ? request
              : {
                  ...request,
                  mayBegin: (...first) => {
                    request.mayBegin?.(...first)
                    return undefined
                  }
                }
          )
        )
    }))
  }
}

/** Brokers with wrong transactions. */
export const transactionPlants: ReadonlyArray<Plant> = [
  endInTwoCommits,
  forgetOpenTransaction,
  lsoTooFar,
  lateZombieAppend
]
