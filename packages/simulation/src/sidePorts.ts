import { Fenced, StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { Erasures } from "@tusk/storage/port/Erasures"
import { isOutboxOffset } from "@tusk/storage/port/Outbox"
import type { MaterialisedTables } from "@tusk/storage/port/MaterialisedTables"
import type { UnpackedRows } from "@tusk/storage/port/UnpackedRows"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Server } from "./Server.ts"
import type { Session } from "./Session.ts"
import { SideSession } from "./SideSession.ts"
import type { SideWorld } from "./SideSession.ts"
import { RowRefused } from "./SqlRows.ts"
import type { SqlTables, TableChange } from "./SqlTables.ts"
import type { View } from "./World.ts"

/** Asks something over a session beside: `what` in a few words, and what it does on a server. */
type Ask = <A>(what: string, statement: (server: Server) => A) => Effect.Effect<A, StoreError>

type Read = <A>(ask: (server: Server) => A) => Effect.Effect<A, StoreError>

/** What one broker's process has: `holder` is its session that has the lock, or had it. */
export interface Beside {
  readonly around: SideWorld
  readonly broker: View
  readonly holder: () => Session | undefined
  /** What its readers ask. */
  readonly read: Read
}

/** A session of the reign, opened when it is first needed, and again when it was lost. */
const askBeside = (
  { around, broker, holder }: Beside,
  kind: { readonly isOfRows: boolean; readonly isSafe: boolean }
): Ask => {
  let own: { readonly session: SideSession; readonly holder: Session } | undefined
  const sessionOf = (held: Session): SideSession => {
    if (own?.holder !== held || own.session.isLost) {
      own?.session.lose()
      own = { session: new SideSession(around, held.server), holder: held }
    }
    return own.session
  }
  return <A>(what: string, statement: (server: Server) => A) =>
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
            const answer = statement(server)
            if (!session.isLost) tell(Exit.succeed(answer))
          } catch (error) {
            if (!(error instanceof RowRefused)) throw error
            failed(error.message)
          }
        }
        session.send({ ...kind, what: `${what} by ${broker.name}`, act, failed })
      })
    })
}

/** The port to rows that followers keep. */
export const rowsPort = (beside: Beside): UnpackedRows => {
  const { read } = beside
  const { world } = beside.around
  const ask = askBeside(beside, { isOfRows: true, isSafe: false })
  return {
    positions: read(({ data, rows }) => rows.positions(data)),
    leftOver: read(({ rows }) => rows.leftOver),
    position: (id) => ask(`position of ${id}`, ({ rows }) => rows.position(id)),
    begin: (id, nextOffset) =>
      ask(`begin of ${id}`, (server) => {
        server.keepsRows(server.rows.begin(id, nextOffset, server.data), world.nowMs)
      }),
    add: (step, version) =>
      ask(`${step.partitionId}@${step.from}-${step.to}`, (server) => {
        const change = server.rows.add(step, version)
        if (change === undefined) return undefined
        server.keepsRows(change, world.nowMs)
        return { nextOffset: step.to, version: change.position.version }
      }),
    erase: ({ below, key, partitionId }) =>
      ask(`erase of ${partitionId} below ${below}`, (server) => {
        const keys = new Set([Buffer.from(key).toString()])
        server.keepsRows(server.rows.erase(partitionId, keys, 0n, below), world.nowMs)
      }),
    sift: (step) =>
      ask(`sift of ${step.partitionId}`, (server) => server.keepsRows(server.rows.sift(step), world.nowMs)),
    noteCompaction: (id, compacted) =>
      ask(`note of ${id}`, (server) => server.keepsRows(server.rows.noteCompaction(id, compacted), world.nowMs)),
    clear: (id, limit) =>
      ask(`clear of ${id}`, (server) => {
        const change = server.rows.clear(id, limit)
        server.keepsRows(change, world.nowMs)
        return change.gone.length
      }),
    trim: (id, below, limit) =>
      ask(`trim of ${id} below ${below}`, (server) => {
        const change = server.rows.trim(id, below, limit)
        server.keepsRows(change, world.nowMs)
        return change.gone.length
      }),
    end: (id) =>
      ask(`end of ${id}`, (server) =>
        server.keepsRows({ partitionId: id, gone: [], come: [], position: null }, world.nowMs)
      )
  }
}

/** The port to tables that hold the latest value of each key: a session each. */
export const tablesPort = (beside: Beside): MaterialisedTables => {
  const { read } = beside
  const { world } = beside.around
  return {
    all: read(({ rows }) => rows.tables.all),
    rowsOf: (id) => {
      const ask = askBeside(beside, { isOfRows: true, isSafe: false })
      const keep = (what: string, change: (tables: SqlTables) => TableChange | undefined) =>
        ask(`${what} of table ${id}`, (server) => {
          const made = change(server.rows.tables)
          server.keepsRows(made, world.nowMs)
          return made !== undefined
        })
      return {
        position: (partitionId) =>
          ask(`position of table ${id}`, ({ rows }) => rows.tables.of(id)?.positions.get(partitionId)),
        begin: (partitionId, nextOffset) =>
          Effect.asVoid(keep("begin", (tables) => tables.begin(id, partitionId, nextOffset))),
        add: (step, version) =>
          ask(`${step.partitionId}@${step.from}-${step.to} of table ${id}`, (server) => {
            const made = server.rows.tables.add(id, step, version)
            server.keepsRows(made?.change, world.nowMs)
            return made?.added
          }),
        erase: ({ key }, since, version) =>
          keep("erase", (tables) => tables.erase(id, Buffer.from(key).toString(), since, version)),
        end: (partitionId) => Effect.asVoid(keep("end", (tables) => tables.end(id, partitionId))),
        clear: (topicId, limit) =>
          ask(`clear of table ${id}`, (server) => {
            const made = server.rows.tables.clear(id, topicId, limit)
            server.keepsRows(made?.change, world.nowMs)
            return made?.gone
          }),
        belongTo: (former, topicId) =>
          keep("owner", (tables) => {
            const table = tables.of(id)
            return table === undefined || table.topicId !== former ? undefined : tables.put({ ...table, topicId })
          }),
        stands: () => Effect.void
      }
    }
  }
}

/** The port to what is to be erased. */
export const erasuresPort = (beside: Beside): Erasures => {
  const { around, broker, read } = beside
  const ask = askBeside(beside, { isOfRows: false, isSafe: true })
  const askRows = askBeside(beside, { isOfRows: true, isSafe: true })
  const wait = (limitMs: number) =>
    Effect.callback<void>((resume) => {
      const soonMs = Math.min(limitMs, around.faults.between(1, 2000))
      around.view.after(soonMs, () => broker.post(() => resume(Effect.void)))
    })
  return {
    topics: read(({ erasures }) => erasures.topics),
    woken: wait,
    pass: (topicId) =>
      ask(`pass of ${topicId}`, (server) => {
        server.erases(server.erasures.take(topicId))
        return server.erasures.pass(topicId, server.sql.snapshot)
      }),
    isAwaited: ({ passId, snapshot }, ids) =>
      ask(`look at pass ${passId}`, (server) => awaited(server, passId, ids, snapshot).length > 0),
    discard: ({ passId, snapshot }, ids) =>
      ask(`discard of pass ${passId}`, (server) => {
        const gone = awaited(server, passId, ids, snapshot)
        server.erases((_, { outbox }) => {
          for (const id of gone) outbox.delete(id)
        })
      }),
    begin: (pass, ends) =>
      ask(`begin of pass ${pass.passId}`, (server) => server.erases(server.erasures.begin(pass, ends))),
    advance: (pass, step) =>
      ask(`step ${step.partitionId}@${step.from}-${step.to} of pass ${pass.passId}`, (server) => {
        const change = server.erasures.advance(pass, step)
        server.erases(change)
        return change !== undefined
      }),
    rows: ({ passId }, { below, from, partitionId }) =>
      askRows(`rows of ${partitionId} of pass ${passId}`, (server) => {
        const keys = server.erasures.keysOf(passId)
        server.keepsRows(server.rows.erase(partitionId, keys, from, below), around.world.nowMs)
        server.erases(() => {})
        return undefined
      }),
    tell: () => Effect.void,
    finish: (pass) =>
      ask(`end of pass ${pass.passId}`, (server) => {
        around.world.log(`database: pass ${pass.passId} is done`)
        server.erases(server.erasures.finish(pass, around.world.nowMs))
      }),
    vacuum: Effect.void
  }
}

/** Ids of records of the pass's keys that SQL sessions sent and that are not in the log yet. */
const awaited = (
  { data, erasures, sql }: Server,
  passId: bigint,
  ids: ReadonlyArray<number>,
  snapshot: string
): ReadonlyArray<bigint> => {
  const keys = erasures.keysOf(passId)
  return Array.from(data.outbox.values()).flatMap((row) => {
    if (isOutboxOffset(row) || row.key === null || !ids.includes(row.partitionId)) return []
    return keys.has(Buffer.from(row.key).toString()) && sql.isSeen(row.xid, snapshot) ? [row.id] : []
  })
}
