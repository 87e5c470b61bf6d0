import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { OutboxPass, OutboxPart, OutboxKey, OutboxRequest, OutboxRow } from "@tusk/storage/port/Outbox"

/** What SQL sessions produce to, and consume. */
export const SQL_TOPIC = "sql"
export const SQL_PARTITIONS = 2

/** So few that a pass leaves something behind now and then. */
const PASS_ROWS = 6
export const PASS_KEYS = 4

/** What a snapshot sees: transactions below `xmax` that were not open. */
interface Snapshot {
  readonly xmax: bigint
  readonly open: ReadonlySet<bigint>
}

const parse = (text: string | undefined): Snapshot => {
  const [xmax, open] = (text ?? "0:").split(":")
  return { xmax: BigInt(xmax!), open: new Set(open === "" ? [] : open!.split(",").map(BigInt)) }
}

const sees = ({ open, xmax }: Snapshot, xid: bigint): boolean => xid < xmax && !open.has(xid)

/** The transactions of SQL sessions on one server, as Postgres has them. */
export class SqlServer {
  readonly #data: MemoryData
  readonly #open = new Map<bigint, Array<OutboxRow>>()
  #nextXid: bigint

  constructor(data: MemoryData) {
    this.#data = data
    // A server that takes over may give ids again that it never heard of.
    let last = 99n
    for (const { xid } of data.outbox.values()) if (xid > last) last = xid
    this.#nextXid = last + 1n
  }

  begin(): bigint {
    const xid = this.#nextXid++
    this.#open.set(xid, [])
    return xid
  }

  insert(row: OutboxRow): void {
    this.#open.get(row.xid)?.push(row)
  }

  /** Its rows become visible, all at once. */
  commit(xid: bigint): ReadonlyArray<OutboxRow> {
    const rows = this.#open.get(xid) ?? []
    this.#open.delete(xid)
    for (const row of rows) this.#data.outbox.set(row.id, row)
    return rows
  }

  rollback(xid: bigint): void {
    this.#open.delete(xid)
  }

  /** Whether a snapshot sees what the transaction wrote. */
  isSeen(xid: bigint, snapshot: string): boolean {
    return sees(parse(snapshot), xid)
  }

  /** What no session may see yet: for broken brokers. */
  get uncommitted(): ReadonlyArray<OutboxRow> {
    return Array.from(this.#open.values()).flat()
  }

  get snapshot(): string {
    return `${this.#nextXid}:${Array.from(this.#open.keys()).join(",")}`
  }

  pass(request: OutboxRequest): OutboxPass {
    const rows = this.#visible(request)
    return { snapshot: this.snapshot, rows: rows.slice(0, PASS_ROWS), isWhole: rows.length <= PASS_ROWS }
  }

  keys(request: OutboxRequest): ReadonlyArray<OutboxKey> {
    return this.#visible(request)
      .slice(0, PASS_KEYS)
      .map(({ id, xid }) => ({ xid, id }))
  }

  rows(keys: ReadonlyArray<OutboxKey>): OutboxPart {
    const rows = keys.slice(0, 2).flatMap(({ id }) => this.#data.outbox.get(id) ?? [])
    return { rows, count: Math.min(2, keys.length) }
  }

  #visible({ except, since, within }: OutboxRequest): ReadonlyArray<OutboxRow> {
    const seen = parse(since)
    const wanted = within === undefined ? undefined : parse(within)
    return Array.from(this.#data.outbox.values())
      .filter(({ partitionId, xid }) => {
        if (except.includes(partitionId) || sees(seen, xid)) return false
        return wanted === undefined || sees(wanted, xid)
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
