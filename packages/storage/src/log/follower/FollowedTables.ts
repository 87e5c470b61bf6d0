import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { ErasedKey } from "../../port/FollowerRows.ts"
import type { MaterialisedTables } from "../../port/MaterialisedTables.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { FollowedTable } from "./FollowedTable.ts"
import type { TablePorts, TableState } from "./FollowedTable.ts"

interface Followed {
  readonly table: FollowedTable
  readonly fiber: Fiber.Fiber<void>
}

/** Which tables follow topics: a fiber each, which ends when its table is materialised no more. */
export class FollowedTables {
  readonly #tables: MaterialisedTables
  readonly #ports: TablePorts
  readonly #scope: Scope.Scope
  readonly #followed = new Map<number, Followed>()

  constructor(tables: MaterialisedTables, ports: TablePorts, scope: Scope.Scope) {
    this.#tables = tables
    this.#ports = ports
    this.#scope = scope
  }

  get states(): ReadonlyArray<TableState> {
    return Array.from(this.#followed.values(), ({ table }) => table.state)
  }

  /** Begins with tables that are new, and ends with those that are gone. */
  readonly look: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const before = new Map(Array.from(this.#followed, ([id, { table }]) => [id, table.topicId]))
      const all = yield* this.#tables.all
      const there = new Map(all.map((table) => [table.id, table]))
      for (const [id, { fiber, table }] of this.#followed) {
        const stored = there.get(id)
        // A crash of the database may have lost whose its rows are, or another broker has begun anew with it: so does this one.
        const known = before.get(id)
        const isAnothers = before.has(id) && known === table.topicId && known !== stored?.topicId
        if (stored !== undefined && !isAnothers) continue
        this.#followed.delete(id)
        yield* Fiber.interrupt(fiber)
      }
      for (const table of all) {
        if (this.#followed.has(table.id)) continue
        const followed = new FollowedTable(table, this.#tables.rowsOf(table.id), this.#ports)
        const fiber = yield* Effect.forkIn(followed.follow, this.#scope)
        this.#followed.set(table.id, { table: followed, fiber })
      }
    })
  )

  /** Of tables that are there now: one that this broker has not seen yet may hold what another one wrote. */
  readonly erase = (erased: ErasedKey): Effect.Effect<void, KafkaError | StoreError> =>
    Effect.andThen(
      this.look,
      Effect.suspend(() =>
        Effect.forEach(Array.from(this.#followed.values()), ({ table }) => table.erase(erased), { discard: true })
      )
    )
}
