import { Fenced, StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { UnpackedRows } from "@tusk/storage/port/UnpackedRows"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RowFaults } from "./RowFaults.ts"
import type { Server } from "./Server.ts"
import type { Session } from "./Session.ts"
import { RowRefused } from "./SqlRows.ts"
import type { RowChange, SqlRows } from "./SqlRows.ts"
import type { View, World } from "./World.ts"

/** `lock_timeout` of the session: what waits longer for a lock is refused. */
const LOCK_MS = 1000

/** A statement on its way: what it does to the rows as they are then, and what is told of it. */
interface Statement {
  /** In a few words. */
  readonly what: string
  readonly act: (server: Server) => void
  readonly failed: (message: string) => void
}

export interface RowWorld {
  readonly world: World
  readonly faults: RowFaults
  /** In which the database's own time runs. */
  readonly view: View
}

/**
 * The session by which a broker keeps rows: no statement overtakes another one. It is not the one that holds the lock, and
 * may outlive it: what a server was sent it may carry out later, though nobody waits for it any more.
 */
export class RowSession {
  readonly server: Server
  isLost = false
  readonly #around: RowWorld
  readonly #queue: Array<Statement> = []
  #isBusy = false

  constructor(around: RowWorld, server: Server) {
    this.#around = around
    this.server = server
  }

  send(statement: Statement): void {
    this.#queue.push(statement)
    this.#next()
  }

  /** The broker lets go of it, or finds that it is gone: what waits is told so. The server may not know yet. */
  lose(): void {
    if (this.isLost) return
    this.isLost = true
    for (const { failed } of this.#queue) failed("the connection was lost")
  }

  #next(): void {
    if (this.#isBusy || this.#queue.length === 0) return
    this.#isBusy = true
    const fate = this.#around.faults.ofStatement()
    if (fate !== "right") this.#around.world.log(`rows: ${this.#queue[0]!.what} is ${fate}`)
    if (fate === "late") this.lose()
    this.#around.view.after(this.#around.faults.statementMs(fate), () => this.#carryOut(fate))
  }

  #carryOut(fate: ReturnType<RowFaults["ofStatement"]>): void {
    const { server } = this
    const { view, world } = this.#around
    const [statement] = this.#queue
    if (statement === undefined) return
    if (server.isGone) {
      this.lose()
      this.#queue.length = 0
      return
    }
    const lockedMs = server.rowsLockedUntilMs - world.nowMs
    if (lockedMs > 0 && lockedMs <= LOCK_MS) return void view.after(lockedMs, () => this.#carryOut(fate))
    if (lockedMs > 0) {
      view.after(LOCK_MS, () => {
        statement.failed("canceling statement due to lock timeout")
        this.#done()
      })
      return
    }
    if (fate === "refused") statement.failed("refused")
    if (fate === "unheard" || fate === "never") this.lose()
    // What is behind it has not arrived either.
    if (fate === "never") this.#queue.length = 0
    else if (fate !== "refused") statement.act(server)
    if (fate === "late") world.log(`rows: ${statement.what} happens`)
    this.#done()
  }

  #done(): void {
    this.#queue.shift()
    this.#isBusy = false
    this.#next()
  }
}

/** The port of one broker's process. `holder`: its session that has the lock, or had it; `read`: what its readers ask. */
export const rowsPort = (
  around: RowWorld,
  broker: View,
  holder: () => Session | undefined,
  read: <A>(ask: (server: Server) => A) => Effect.Effect<A, StoreError>
): UnpackedRows => {
  let own: { readonly session: RowSession; readonly holder: Session } | undefined
  /** The reign's own session, opened when it is first needed, and again when it was lost. */
  const sessionOf = (held: Session): RowSession => {
    if (own?.holder !== held || own.session.isLost) {
      own?.session.lose()
      own = { session: new RowSession(around, held.server), holder: held }
    }
    return own.session
  }
  const ask = <A>(
    what: string,
    statement: (rows: SqlRows, server: Server) => readonly [change: RowChange | undefined, answer: A]
  ): Effect.Effect<A, StoreError> =>
    Effect.suspend(() => {
      const held = holder()
      if (held === undefined || held.reign.toldAtMs < Infinity) {
        return Effect.fail(new Fenced({ message: "this broker does not hold the cluster's lock" }))
      }
      const session = sessionOf(held)
      return Effect.callback<A, StoreError>((resume) => {
        const tell = (exit: Exit.Exit<A, StoreError>) => around.view.after(1, () => broker.post(() => resume(exit)))
        const failed = (message: string) => void tell(Exit.fail(new StoreUnavailable({ message })))
        const act = (server: Server) => {
          try {
            const [change, answer] = statement(server.rows, server)
            if (change !== undefined) server.keepsRows(change, around.world.nowMs)
            if (!session.isLost) tell(Exit.succeed(answer))
          } catch (error) {
            if (!(error instanceof RowRefused)) throw error
            failed(error.message)
          }
        }
        session.send({ what: `${what} by ${broker.name}`, act, failed })
      })
    })
  return {
    positions: read(({ data, rows }) => rows.positions(data)),
    position: (id) => ask(`position of ${id}`, (rows) => [undefined, rows.position(id)]),
    leftOver: read(({ rows }) => rows.leftOver),
    begin: (id, nextOffset) => ask(`begin of ${id}`, (rows, { data }) => [rows.begin(id, nextOffset, data), undefined]),
    add: (step) =>
      ask(`${step.partitionId}@${step.from}-${step.to}`, (rows) => {
        const change = rows.add(step)
        return [change, change !== undefined]
      }),
    sift: (step) => ask(`sift of ${step.partitionId}`, (rows) => [rows.sift(step), undefined]),
    noteCompaction: (id, compacted) => ask(`note of ${id}`, (rows) => [rows.noteCompaction(id, compacted), undefined]),
    trim: (id, below, limit) =>
      ask(`trim of ${id} below ${below}`, (rows) => {
        const change = rows.trim(id, below, limit)
        return [change, change.gone.length]
      }),
    end: (id) => ask(`end of ${id}`, () => [{ partitionId: id, gone: [], come: [], position: null }, undefined])
  }
}
