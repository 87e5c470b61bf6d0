import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { readsOf } from "@tusk/storage/memory/memoryReads"
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import { Store } from "@tusk/storage/port/Store"
import type { ClusterState, Told } from "@tusk/storage/port/CommitStore"
import { resolved } from "@tusk/storage/port/StoredBatch"
import type { Unit } from "@tusk/storage/port/Write"
import { Fenced, LockHeld, StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { Outbox } from "@tusk/storage/port/Outbox"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { DatabaseOptions } from "./DatabaseOptions.ts"
import type { Faults } from "./Faults.ts"
import { Ledger } from "./Ledger.ts"
import { asStored, mergeReads, objectRows } from "./objectReads.ts"
import { Reigns } from "./Reigns.ts"
import { Server } from "./Server.ts"
import { erasuresPort, rowsPort, tablesPort } from "./sidePorts.ts"
import type { Beside } from "./sidePorts.ts"
import { PASS_KEYS } from "./SqlServer.ts"
import { MAX_BYTES, secondDoor, Session } from "./Session.ts"
import type { Sent, SessionWorld } from "./Session.ts"
import type { SideFaults } from "./SideFaults.ts"
import { changesAcls } from "./units.ts"
import type { View, World } from "./World.ts"

/** By its own clock a server ends the session of a client that says nothing for so long (`idle_session_timeout`). */
const IDLE_MS = 6000

/** What every broker of the world keeps its data in; it outlives them all. What is asked of it fails as it may of a database. */
export class Database {
  readonly reigns = new Reigns()
  /** How often a broker could not know what was stored, or that something was not: what it knew besides is gone then. */
  losses = 0
  /** When a request that was in order may last have been told that it failed. */
  troubledAtMs = -Infinity
  /** False: SQL sessions commit offsets whoever has claimed them since. */
  checksClaims = true
  /** Of the next row that an SQL session writes. */
  nextOutboxId = 1n
  /** The server before the last failover: gone, or alive for brokers that still talk to it. */
  old: Server | undefined
  #server: Server
  /** All that were ever the cluster's. */
  readonly servers: Array<Server> = []
  /** The session that holds the lock. */
  #session: Session | undefined
  readonly #options: DatabaseOptions
  readonly #ledger: Ledger
  readonly #world: World
  readonly #faults: Faults
  readonly #view: View
  readonly #around: SessionWorld
  /** Commits that a failover lost. */
  readonly #lost = new Set<ReadonlyArray<Unit>>()
  /** The broker of the last commit. */
  #writer = ""

  constructor(world: World, faults: Faults, options: DatabaseOptions) {
    this.#world = world
    this.#faults = faults
    this.#options = options
    this.#server = new Server(new MemoryData("SimulatedClusterAAAAAA"), options.stored)
    this.servers.push(this.#server)
    this.#ledger = new Ledger(options.violate)
    this.#view = world.view("database")
    this.#around = {
      world,
      faults,
      view: this.#view,
      storing: ({ server }, units) => options.onCommit(server, units),
      stored: ({ broker, server }, units) => {
        this.#writer = broker.name
        server.commits(units)
        this.#ledger.commits(units)
        if (changesAcls(units)) options.onAcls(server.data.security.acls)
      },
      upset: () => {
        this.losses++
      },
      troubled: () => this.troubled(),
      heldUp: () => {
        if (options.hasObjects) this.troubled()
      },
      ended: (session) => this.#ended(session),
      standStill: (broker, forMs) => this.standStill(broker, forMs)
    }
  }

  get server(): Server {
    return this.#server
  }

  troubled(forMs = 0): void {
    this.troubledAtMs = Math.max(this.troubledAtMs, this.#world.nowMs + forMs)
  }

  /** Whether nothing but what it was asked for could make this broker refuse what it was asked at `sentMs`. */
  isSound(broker: string, sentMs: number): boolean {
    return this.troubledAtMs < sentMs && this.reigns.isWriter(broker, sentMs)
  }

  /** Ends the session of the broker that holds the lock, as a terminated backend would. */
  endSession(): void {
    this.#session?.end()
  }

  /** The broker is dead: the database finds out some time later. */
  abandoned(view: View, delayMs: number): void {
    const session = this.#session
    if (session?.broker === view) this.#view.after(delayMs, () => session.end())
  }

  /** A broker's process is stopped, and goes on after a while. */
  standStill(broker: View, forMs: number): void {
    if (broker.isHeld) return
    this.#world.log(`${broker.name} stands still for ${forMs} ms`)
    this.troubled(forMs)
    broker.hold(forMs)
    const look = () => {
      const session = this.#session
      if (!broker.isHeld || session?.broker !== broker) return
      // What is half there is waited for no longer either, if another broker wants the lock.
      if (session.isAtWork) this.#view.after(1000, look)
      else session.end()
    }
    this.#view.after(IDLE_MS + this.#faults.between(0, 2000), look)
  }

  /** Nothing of what is asked over the session that holds the lock is answered for a while; then it is. */
  deafen(forMs: number): void {
    if (this.#session === undefined) return
    this.#world.log(`database: nothing of ${this.#session.broker.name}'s is answered for ${forMs} ms`)
    this.#session.deafUntilMs = this.#world.nowMs + forMs
    this.troubled(forMs)
  }

  /** The server crashes and is back at once: what did not wait for the disk is gone. */
  restart(): void {
    this.#world.log("database: the server crashes and is back")
    this.endSession()
    this.#server.losesUnflushed()
  }

  /** Another session has followers' tables locked for so long. */
  lockRows(forMs: number): void {
    this.#world.log(`database: the rows of followers are locked for ${forMs} ms`)
    this.#server.rowsLockedUntilMs = this.#world.nowMs + forMs
  }

  /** The synchronous standby is away for a while: what is written waits for it. */
  loseStandby(forMs: number): void {
    this.#world.log(`database: no write returns for ${forMs} ms`)
    this.#server.awayUntilMs = this.#world.nowMs + forMs
    this.troubled(forMs)
  }

  /** What it was in the middle of is over: the standby is back, every broker hears. */
  heal(): void {
    this.#server.awayUntilMs = -Infinity
    this.#server.rowsLockedUntilMs = -Infinity
    this.#options.sideFaults?.heal()
    if (this.#session !== undefined) this.#session.deafUntilMs = -Infinity
  }

  /**
   * The standby takes over and lacks at most `most` of the newest commits. The old server is gone, or lives on for so long
   * with brokers that talk to it: it answers reads and pings, and no write returns.
   */
  failOver(most: number, livesOnMs: number | undefined): void {
    const session = this.#session
    if (livesOnMs === undefined) session?.end()
    const old = this.#server
    const { lost, server } = old.promote(most, this.#options.failoverLeap, this.#options.mayMiss)
    this.#server = server
    this.servers.push(server)
    this.old = old
    for (const commit of lost.commits) this.#lost.add(commit)
    this.#world.log(`database: timeline ${server.data.timeline} takes over, ${lost.commits.length} commits are lost`)
    this.losses++
    this.troubled()
    if (livesOnMs !== undefined && session !== undefined) {
      this.#session = undefined
      session.reign.ends(this.#world.nowMs)
      this.#view.after(livesOnMs, () => {
        old.isGone = true
        session.end()
      })
    } else old.isGone = true
    this.#options.onFailover(lost)
    this.#options.onAcls(server.data.security.acls)
  }

  /** What no database would do: for broken brokers. */
  applyUnfenced(units: ReadonlyArray<Unit>): Exit.Exit<void, StoreError> {
    const { data } = this.#server
    const { holder } = data
    const memory = MemoryStore.make(data, { maxBytes: MAX_BYTES })
    const scope = Scope.makeUnsafe()
    data.holder = undefined
    const { epoch } = data
    Effect.runSync(Effect.orDie(Scope.provide(memory.acquire(NOTHING_TOLD), scope)))
    const exit = Effect.runSyncExit(memory.commit(units))
    if (exit._tag === "Success") this.#server.commits(units)
    data.epoch = epoch
    data.holder = holder
    return exit
  }

  #ended(session: Session): void {
    const { name } = session.broker
    this.losses++
    this.troubled()
    session.server.data.holder = undefined
    if (this.#session === session) this.#session = undefined
    this.#world.log(`database: session of ${name} ended`)
  }

  #acquire(view: View, old: Session | undefined, told: Told, askedAtMs: number): readonly [Session, ClusterState] {
    const { name } = view
    const reign = this.reigns.begins(name, this.#world.nowMs, askedAtMs)
    const session = new Session(this.#around, view, this.#server, reign, told)
    this.#session = session
    this.#ledger.begins(name, session.state.epoch)
    this.#options.onReign()
    const unknownCommitStored = this.#lookUp(name, old?.open)
    const unknownBesideStored = this.#lookUp(name, old?.openBeside)
    const found =
      unknownCommitStored === undefined ? "" : `, its last commit is ${unknownCommitStored ? "" : "not "}there`
    this.#world.log(`database: ${name} has the lock, epoch ${session.state.epoch}${found}`)
    return [session, { ...session.state, unknownCommitStored, unknownBesideStored }]
  }

  /** Whether a commit of unknown outcome is stored; undefined if there is none, or others have written since. */
  #lookUp(broker: string, open: Sent | undefined): boolean | undefined {
    if (open === undefined || (this.#writer !== broker && this.#writer !== "")) return undefined
    return open.fate === "stored" && !this.#lost.has(open.units)
  }

  /** Once a write returns: so does the rise of the epoch. */
  #awaitLock(
    view: View,
    old: Session | undefined,
    told: Told
  ): Effect.Effect<readonly [Session, ClusterState], LockHeld> {
    return Effect.callback((resume) => {
      const askedAtMs = this.#world.nowMs
      const tell = (exit: Exit.Exit<readonly [Session, ClusterState], LockHeld>) => view.post(() => resume(exit))
      const attempt = () => {
        if (!view.isAlive) return
        const holder = this.#session
        if (holder !== undefined) return tell(Exit.fail(new LockHeld({ holder: holder.broker.name })))
        const waitMs = this.#server.awayUntilMs - this.#world.nowMs
        if (waitMs > 0) this.#view.after(Math.min(waitMs, 1000), attempt)
        else tell(Exit.succeed(this.#acquire(view, old, told, askedAtMs)))
      }
      this.#view.after(this.#faults.between(1, 5), attempt)
    })
  }

  /** The store of one broker's process. */
  storeOf(view: View): Store["Service"] {
    let own: Session | undefined
    type Reads = ReturnType<typeof readsOf>
    const read = <A>(ask: (reads: Reads) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      readServer((server) => Effect.runSyncExit(ask(readsOf(server.data))))
    const readSql = <A>(ask: (server: Server) => A): Effect.Effect<A, StoreError> =>
      readServer((server) => Exit.succeed(ask(server)))
    const readServer = <A>(ask: (server: Server) => Exit.Exit<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => {
        const fault = this.#faults.ofRead()
        const delayMs = fault === "late" ? this.#faults.between(200, 3000) : this.#faults.between(0, 2)
        return this.#after(view, delayMs, (): Exit.Exit<A, StoreError> => {
          if (fault === "fails") {
            this.troubled()
            return Exit.fail(new StoreUnavailable({ message: "a read failed" }))
          }
          if (own?.isAlive !== true) return Exit.fail(new Fenced({ message: "this server is not the writer's" }))
          return ask(own.server)
        })
      })
    const noSession = Effect.fail(new StoreUnavailable({ message: "there is no session" }))
    const use = <A>(ask: (session: Session) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => (own === undefined ? noSession : ask(own)))
    const settle = (server: Server): boolean => server.sql.uncommitted.length === 0
    const outbox: Outbox = {
      maxKeys: PASS_KEYS,
      tell: () => Effect.void,
      pass: (asked) => readSql((server) => server.sql.pass(asked)),
      keys: (asked) => readSql((server) => server.sql.keys(asked)),
      rows: (keys) => readSql((server) => server.sql.rows(keys)),
      settle: () => readSql(settle),
      woken: (limitMs) => this.#after(view, Math.min(limitMs, this.#faults.between(1, 2000)), () => Exit.void),
      rise: Effect.void
    }
    const { sideFaults } = this.#options
    return Store.of({
      name: "simulated",
      outbox,
      ...(sideFaults && this.#beside(sideFaults, view, () => own, readSql)),
      acquire: (told) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            const old = own
            old?.giveUp()
            return Effect.map(this.#awaitLock(view, old, told), ([session, state]) => {
              own = session
              return [session, state] as const
            })
          }),
          ([session]) => Effect.sync(() => session.giveUp())
        ).pipe(Effect.map(([, state]) => state)),
      lost: Effect.suspend(() => own?.lost ?? Effect.never),
      commit: (units) => use((session) => session.commit(units)),
      beside: secondDoor(use, () => own?.isAlive === true && this.#world.chance.below(8) > 0),
      ping: use((session) => session.ping),
      heartbeat: use((session) => session.heartbeat),
      read: (requests, maxBytes) =>
        Effect.flatMap(
          read((reads) => asStored(reads.read(requests, maxBytes))),
          resolved
        ),
      loadPartitions: (ids) =>
        read((reads) => (ids.some((id) => this.#isBroken(id)) ? noSession : reads.loadPartitions(ids))),
      sizeOf: (id) => read((reads) => reads.sizeOf(id)),
      findByTimestamp: (id, timestamp) =>
        Effect.flatMap(
          read((reads) => asStored(reads.findByTimestamp(id, timestamp))),
          (batch) => Effect.map(resolved([batch === undefined ? [] : [batch]]), ([found]) => found![0])
        ),
      objects: objectRows(readSql, () => this.#world.nowMs),
      sizes: (id, from, limit) => read((reads) => reads.sizes(id, from, limit)),
      merges: mergeReads(readSql),
      abortedTransactions: (id, from, to) => read((reads) => reads.abortedTransactions(id, from, to)),
      loadTransactionalIds: read((reads) => reads.loadTransactionalIds),
      loadOffsets: read((reads) => reads.loadOffsets),
      loadClaims: read((reads) => reads.loadClaims),
      loadGroups: read((reads) => reads.loadGroups)
    })
  }

  /** Ports that have sessions of their own. */
  #beside(faults: SideFaults, broker: View, holder: () => Session | undefined, read: Beside["read"]) {
    const { erases, follows } = this.#options
    const beside = { around: { world: this.#world, view: this.#view, faults }, broker, holder, read }
    return {
      ...(follows && { unpacked: rowsPort(beside), materialised: tablesPort(beside) }),
      ...(erases && { erasures: erasuresPort(beside) })
    }
  }

  /** Whether records of SQL sessions for this topic are not appended yet. */
  isOutboxWaiting(topic: string): boolean {
    const { outbox, topics } = this.#server.data
    const ids = new Set(Array.from(topics.values()).find(({ name }) => name === topic)?.partitionIds)
    return Array.from(outbox.values()).some(({ partitionId }) => ids.has(partitionId))
  }

  #isBroken(partitionId: number): boolean {
    const { partitions, topics } = this.#server.data
    const topic = topics.get(partitions.get(partitionId)?.topicId ?? "")
    return topic !== undefined && this.#options.isBroken(topic.name)
  }

  #after<A, E>(view: View, delayMs: number, act: () => Exit.Exit<A, E>): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      this.#view.after(delayMs, () => {
        const exit = act()
        view.post(() => resume(exit))
      })
    })
  }
}
