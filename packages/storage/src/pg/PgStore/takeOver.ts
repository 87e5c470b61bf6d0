import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ClusterState, Told } from "../../port/CommitStore.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { AcquireError } from "../../port/StoreError.ts"
import { connect } from "../connection/connect.ts"
import { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { stepsTaken, stepsToTake } from "../schema/SchemaSteps.ts"
import { MIGRATIONS, SCHEMA_VERSION } from "../schema/SchemaVersion.ts"
import { takeOverTexts } from "../sql/bundle.ts"
import { Beside } from "./Beside.ts"
import { waitForBeside } from "./besideLock.ts"
import { identify, IDLE_LIMIT_MS, refusePooler, RELEASE, takeClusterLock } from "./clusterLock.ts"
import type { Session } from "./clusterLock.ts"
import { loadCommitRows, loadOffsetRows, takeOverCluster } from "./clusterState.ts"
import type { CommitSession } from "./commit.ts"
import { commitStatements } from "./CommitFrame.ts"
import { ErasureSession } from "./ErasureSession.ts"
import { MaterialisedSessions } from "./MaterialisedSessions.ts"
import { OutboxSession } from "./OutboxSession.ts"
import { PublishSession } from "./PublishSession.ts"
import { Readers } from "./Readers.ts"
import { SecuritySession } from "./SecuritySession.ts"
import { SecondWriter } from "./SecondWriter.ts"
import { ShadowSession } from "./ShadowSession.ts"
import { StatisticsSession } from "./StatisticsSession.ts"
import { UnpackedSession } from "./UnpackedSession.ts"
import { Watch } from "./Watch.ts"
import { CommitRows } from "./Witness.ts"
import type { LastCommit } from "./Witness.ts"

/** How often the lock's session is asked something while it has nothing to do. */
const KEEP_ALIVE_MS = 2000
/** How often the watch looks during a take-over. */
const LOOK_MS = 1000

/** From the lock on, until it is lost or given back: the session that holds it, and those beside it. */
export interface Reign extends CommitSession {
  readonly session: Session
  readonly readers: Readers
  readonly unpacked: UnpackedSession
  readonly publish: PublishSession
  readonly erasure: ErasureSession
  readonly materialised: MaterialisedSessions
  readonly statistics: StatisticsSession
  readonly shadow: ShadowSession
  readonly watch: Watch
  /** Commits beside the writer. */
  readonly second: SecondWriter
  readonly outbox: OutboxSession
  readonly security: SecuritySession
}

/** What lasts from one reign to the next. */
export interface Memory {
  readonly last: LastCommit
  /** The same by the second door. */
  readonly lastBeside: LastCommit
  /** The last session that held the lock, if it was not seen to give it back. */
  previous: Session | undefined
  /** What may be wrong with the server was told. */
  checked: boolean
}

const lacksPrivilege = (error: ConnectionError): boolean => error._tag === "PgError" && error.code === "42501"

/** Brings the schema up to this program's version, loading the installer only if there is something to do; tells the steps. */
const ensureSchema = (
  connection: PgConnection,
  target: PgTarget
): Effect.Effect<ReadonlyArray<string>, ConnectionError | AcquireError> =>
  Effect.gen(function* () {
    const steps = yield* stepsTaken(connection).pipe(
      Effect.map((taken) => stepsToTake(taken)),
      // The installer says what the role lacks.
      Effect.catchIf(lacksPrivilege, () => Effect.succeed(MIGRATIONS))
    )
    if ("_tag" in steps) return yield* steps
    if (steps.length === 0) return steps
    const { install } = yield* Effect.promise(() => import("../schema/Migrations.ts"))
    const beside = PgConnection.open(target, connection.endpoint, `${target.applicationName} migrations`)
    yield* install(connection, target, beside)
    return steps
  })

/** An acknowledgement is worth what the server's disk settings are worth. */
const checkDurability = (
  connection: PgConnection,
  target: PgTarget
): Effect.Effect<void, ConnectionError | StoreUnavailable> =>
  Effect.gen(function* () {
    if (target.unsafeDurability === "ignore") return
    const [row] = yield* connection.query(
      "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')"
    )
    const off = ["fsync", "full_page_writes", "synchronous_commit"].filter((_, i) => row?.[i] === "off")
    if (off.length === 0) return
    const message = `Postgres runs with ${off.join(" and ")} off: what producers are told is stored can be lost in a crash`
    if (target.unsafeDurability === "refuse") return yield* new StoreUnavailable({ message })
    yield* Effect.logWarning(`ATTENTION: ${message}`)
  })

/** A tool that captures the log and produces what it captures to this broker feeds itself. */
const checkPublications = (connection: PgConnection, { schema }: PgTarget): Effect.Effect<void, ConnectionError> =>
  Effect.gen(function* () {
    const rows = yield* connection.query(takeOverTexts.LoadPublications)
    if (rows.length === 0) return
    const names = rows.map(([name]) => name).join(", ")
    yield* Effect.logWarning(
      `ATTENTION: publication ${names} holds ${schema}.batches, Tusk's own log: what captures it (Debezium) and produces here feeds ` +
        `itself; set schema.exclude.list=${schema} and publication.autocreate.mode=filtered there, or publish without schema ${schema}`
    )
  })

const checkEncoding = (connection: PgConnection, target: PgTarget): Effect.Effect<void, StoreUnavailable> => {
  const encoding = connection.parameters.get("server_encoding") ?? "UTF8"
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return Effect.void
  const message = `the database ${target.database} is encoded in ${encoding}, and Tusk needs one in UTF8`
  return Effect.fail(new StoreUnavailable({ message }))
}

/**
 * A session of a process that stands still ends, and its lock with it; that of one that lives has to be heard of. An
 * empty query is enough.
 */
const keepAlive = (connection: PgConnection): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (connection.lostBecause === undefined) {
      yield* Effect.sleep(KEEP_ALIVE_MS)
      if (connection.load === 0) yield* Effect.ignore(connection.query(""))
    }
  })

/** What a COMMIT waits for has no bound: a server that vanished meanwhile is noticed by the watch. */
const watched = <A, E>(watch: Watch, effect: Effect.Effect<A, E>): Effect.Effect<A, E | AcquireError> =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(Effect.sleep(LOOK_MS), watch.ping)))

/** Ends a reign's sessions, and waits for none that does not answer at once. */
export const endReign = (
  sessions: Pick<
    Reign,
    | "erasure"
    | "materialised"
    | "outbox"
    | "publish"
    | "readers"
    | "second"
    | "session"
    | "shadow"
    | "statistics"
    | "unpacked"
    | "watch"
    | "writer"
  >,
  memory: Memory
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { erasure, materialised, outbox, publish, readers, second, session } = sessions
    const { shadow, statistics, unpacked, watch, writer } = sessions
    readers.end()
    statistics.end()
    shadow.end()
    unpacked.end()
    publish.end()
    erasure.end()
    materialised.end()
    watch.end()
    outbox.end()
    return Effect.map(Effect.andThen(second.end, writer.close(RELEASE)), (released) => {
      if (released && memory.previous === session) memory.previous = undefined
    })
  })

/** Opens the session that is to hold the lock, with limits of its own on how long it may wait for this process. */
const openWriter = (
  target: PgTarget,
  memory: Memory,
  standsBy: () => void
): Effect.Effect<
  { readonly writer: PgConnection; readonly session: Session },
  ConnectionError | AcquireError,
  Scope.Scope
> =>
  Effect.flatMap(connect(target, target.applicationName), (writer) =>
    leaveOnFailure(writer)(
      Effect.gen(function* () {
        yield* writer.query(
          `set idle_session_timeout = ${IDLE_LIMIT_MS}; set idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS};
            set tusk.broker = on`
        )
        yield* Effect.forkScoped(keepAlive(writer))
        yield* checkEncoding(writer, target)
        const session = yield* identify(writer)
        const reader = `${target.applicationName} reader`
        yield* refusePooler(writer, session, PgConnection.open(target, writer.endpoint, reader))
        const limitMs = target.standby ? undefined : target.lockWaitMs
        yield* takeClusterLock(writer, { previous: memory.previous, limitMs, standsBy })
        memory.previous = session
        yield* waitForBeside(writer)
        return { writer, session }
      })
    )
  )

/** Takes the lock on a new session, and the cluster with it. What fails leaves no session behind. */
export const takeOver = (
  target: PgTarget,
  told: Told,
  memory: Memory,
  layerScope: Scope.Scope,
  standsBy: () => void
): Effect.Effect<
  { readonly reign: Reign; readonly cluster: ClusterState },
  ConnectionError | AcquireError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const { session, writer } = yield* openWriter(target, memory, standsBy)
    const beside = new Beside(target, writer, session)
    const readers = new Readers(beside, target.readConnections, target.cachedPointers)
    const unpacked = new UnpackedSession(readers)
    const publish = new PublishSession(readers)
    const erasure = new ErasureSession(readers)
    const materialised = new MaterialisedSessions(readers, target.tableSessions)
    const statistics = new StatisticsSession(readers)
    const shadow = new ShadowSession(readers.openAs("shadow"))
    const watch = new Watch(beside, layerScope)
    const outbox = new OutboxSession(beside)
    const security = new SecuritySession(outbox)
    let epoch = 0
    const second = new SecondWriter(beside, () => epoch, memory.lastBeside)
    yield* Effect.forkScoped(second.keepAlive)
    const besides = { unpacked, publish, materialised, erasure, statistics, shadow, watch, outbox, security, second }
    const sessions = { writer, session, readers, ...besides }
    const taken = Effect.gen(function* () {
      const taken = yield* ensureSchema(writer, target)
      if (!memory.checked) {
        yield* checkDurability(writer, target)
        yield* checkPublications(writer, target)
      }
      memory.checked = true
      yield* writer.prepare(Object.values(commitStatements))
      const cluster = yield* takeOverCluster(writer, told, memory)
      epoch = cluster.epoch
      const offsetRows = yield* loadOffsetRows(writer)
      const commitRows = new CommitRows(cluster.epoch, yield* loadCommitRows(writer))
      const reign = { ...sessions, epoch: cluster.epoch, offsetRows, commitRows }
      return { reign, cluster: { ...cluster, schema: { version: SCHEMA_VERSION, taken } } }
    })
    return yield* Effect.onExit(watched(watch, taken), (exit) =>
      exit._tag === "Failure" ? endReign(sessions, memory) : Effect.void
    )
  })
