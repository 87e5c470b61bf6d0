import type { OutboxRequest } from "@tusk/storage/port/Outbox"
import type { Unit } from "@tusk/storage/port/Write"
import * as Effect from "effect/Effect"
import type { Plant } from "./Plant.ts"

const deletes = (unit: Unit): boolean => unit.some(({ _tag }) => _tag === "DeleteOutbox")

/** Rows of the outbox go in a commit of their own, behind the one that appends them. */
const drainTwice: Plant = {
  name: "drain-twice",
  seed: 6,
  store: (store) => ({
    ...store,
    commit: (units) => {
      if (!units.some(deletes)) return store.commit(units)
      const rest = units.map((unit) => unit.filter(({ _tag }) => _tag !== "DeleteOutbox"))
      const deleted = units.map((unit) => unit.filter(({ _tag }) => _tag === "DeleteOutbox"))
      const notEmpty = (unit: Unit): boolean => unit.length > 0
      return Effect.andThen(store.commit(rest.filter(notEmpty)), store.commit(deleted.filter(notEmpty)))
    }
  })
}

/** What is not committed yet is appended, and not missed. */
const drainAheadOfCommit: Plant = {
  name: "drain-ahead-of-commit",
  store: (store, database) => {
    const { outbox } = store
    const isThere = ({ id }: { readonly id: bigint }): boolean => database.server.data.outbox.has(id)
    const seen = new Set<bigint>()
    return {
      ...store,
      outbox: outbox && {
        ...outbox,
        pass: (request: OutboxRequest) =>
          Effect.map(outbox.pass(request), (pass) => {
            const early = database.server.sql.uncommitted.filter(({ id }) => !seen.has(id))
            for (const { id } of early) seen.add(id)
            return { ...pass, rows: [...pass.rows, ...early] }
          })
      },
      commit: (units) =>
        store.commit(
          units.map((unit) =>
            unit.map((write) =>
              write._tag === "DeleteOutbox" ? { ...write, keys: write.keys.filter(isThere) } : write
            )
          )
        )
    }
  }
}

/** Whoever reads commits, though another has claimed the partition since. */
const claimNotFenced: Plant = {
  name: "claim-not-fenced",
  store: (store, database) => {
    database.checksClaims = false
    return store
  }
}

/** Brokers that take what SQL sessions produce in a wrong way. */
export const sqlPlants: ReadonlyArray<Plant> = [drainTwice, drainAheadOfCommit, claimNotFenced]
