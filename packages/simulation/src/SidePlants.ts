import { Erase } from "@tusk/storage/log/erase/Erase"
import type { FollowedStep } from "@tusk/storage/port/FollowerRows"
import { Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Plant } from "./Plant.ts"

/** The position is stored first, and the rows below it a moment later. */
const positionAheadOfRows: Plant = {
  name: "position-ahead-of-rows",
  seed: 10,
  store: (store, database) => {
    const { unpacked } = store
    if (unpacked === undefined) return store
    return {
      ...store,
      unpacked: {
        ...unpacked,
        add: (step: FollowedStep, version: bigint) =>
          Effect.tap(unpacked.add({ ...step, batches: [] }, version), (added) => {
            const { server } = database
            return Effect.andThen(
              Effect.sleep(1),
              Effect.sync(() => {
                if (added !== undefined) server.keepsRows(server.rows.addLate(step), 0)
              })
            )
          })
      }
    }
  }
}

/** The last batch of all that are read at once is not looked at. */
const eraseOneBatchLess: Plant = {
  name: "erase-one-batch-less",
  seed: 3,
  parts: {
    erase: Layer.provide(
      Erase.layer,
      Layer.effect(
        Store,
        Effect.map(Store, (store) => ({
          ...store,
          read: (...asked) =>
            Effect.map(store.read(...asked), (answers) => answers.map((batches) => batches.slice(0, -1)))
        }))
      )
    )
  }
}

/** Brokers that keep rows, or erase, in a wrong way. */
export const sidePlants: ReadonlyArray<Plant> = [positionAheadOfRows, eraseOneBatchLess]
