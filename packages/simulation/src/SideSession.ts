import type { SideFaults } from "./SideFaults.ts"
import type { Server } from "./Server.ts"
import type { View, World } from "./World.ts"

/** `lock_timeout` of the session: what waits longer for a lock is refused. */
const LOCK_MS = 1000

/** A statement on its way: what it does as things are then, and what is told of it. */
interface Statement {
  /** In a few words. */
  readonly what: string
  /** It touches rows of followers, which others may have locked. */
  readonly isOfRows: boolean
  /** It returns once the standby has it, too. */
  readonly isSafe: boolean
  readonly act: (server: Server) => void
  readonly failed: (message: string) => void
}

export interface SideWorld {
  readonly world: World
  readonly faults: SideFaults
  /** In which the database's own time runs. */
  readonly view: View
}

/**
 * A broker's session beside the one that commits: no statement overtakes another one. It may outlive the one that holds the
 * lock: what a server was sent it may carry out later, though nobody waits for it any more.
 */
export class SideSession {
  readonly server: Server
  isLost = false
  readonly #around: SideWorld
  readonly #queue: Array<Statement> = []
  #isBusy = false

  constructor(around: SideWorld, server: Server) {
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
    const { faults, view, world } = this.#around
    const fate = faults.ofStatement()
    if (fate !== "right") world.log(`database: ${this.#queue[0]!.what} is ${fate}`)
    if (fate === "late") this.lose()
    view.after(faults.statementMs(fate), () => this.#carryOut(fate))
  }

  #carryOut(fate: ReturnType<SideFaults["ofStatement"]>): void {
    const [statement] = this.#queue
    if (statement === undefined) return
    if (this.server.isGone) return this.#vanish()
    const { view, world } = this.#around
    const lockedMs = statement.isOfRows ? this.server.rowsLockedUntilMs - world.nowMs : 0
    const waitsMs = Math.max(lockedMs, statement.isSafe ? this.#unsafeMs : 0)
    if (lockedMs > LOCK_MS) return void view.after(LOCK_MS, () => this.#refuse(statement, "lock timeout"))
    if (waitsMs > 0) return void view.after(waitsMs, () => this.#carryOut(fate))
    if (fate === "refused") return this.#refuse(statement, "refused")
    if (fate === "never") return this.#vanish()
    if (fate === "unheard") this.lose()
    if (fate === "late") world.log(`database: ${statement.what} happens`)
    statement.act(this.server)
    this.#done()
  }

  /** For how long a write has to wait at least; on a server that no standby follows any more it never returns. */
  get #unsafeMs(): number {
    const { awayUntilMs, isOld } = this.server
    return isOld ? 1000 : awayUntilMs - this.#around.world.nowMs
  }

  #refuse(statement: Statement, message: string): void {
    statement.failed(message)
    this.#done()
  }

  /** With all that has not arrived. */
  #vanish(): void {
    this.lose()
    this.#queue.length = 0
  }

  #done(): void {
    this.#queue.shift()
    this.#isBusy = false
    this.#next()
  }
}
