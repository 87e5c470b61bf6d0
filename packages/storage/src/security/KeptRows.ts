import { PolicyViolation } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { makeAssumed, NO_CHANGE } from "../commit/Assumed.ts"
import type { Participant } from "../commit/Participant.ts"
import type { Write } from "../port/Write.ts"
import type { DecideRows } from "./Kept.ts"

/** What is particular to one kind of rows. */
export interface RowKind<Row> {
  /** For people: "ACLs". */
  readonly name: string
  /** The setting that bounds them, and its value. */
  readonly setting: string
  readonly max: number
  readonly keyOf: (row: Row) => string
  readonly isSame: (one: Row, other: Row) => boolean
  readonly put: (row: Row) => Write
  readonly remove: (row: Row) => Write
}

/** An index of Postgres takes no key of more than 2,700 bytes. */
const MAX_KEY_BYTES = 2048

type Rows<Row> = ReadonlyMap<string, Row>

/** What a change makes of a few rows: undefined takes one away. */
type Delta<Row> = ReadonlyMap<string, Row | undefined>

const isError = <Row>(decided: Rows<Row> | KafkaError): decided is KafkaError => "_tag" in decided

const patched = <Row>(rows: Rows<Row>, delta: Delta<Row>): Rows<Row> => {
  const after = new Map(rows)
  for (const [key, row] of delta) {
    if (row === undefined) after.delete(key)
    else after.set(key, row)
  }
  return after
}

/**
 * The rows of one kind, as they are stored. A commit changes the rows that it names and no other: rows that SQL has changed
 * may take the place of all while it is under way.
 */
export class KeptRows<Row> {
  rows: Rows<Row>
  private readonly kind: RowKind<Row>
  /** There is one key: a decision is on all rows. */
  private readonly assumed = makeAssumed<"all", Rows<Row>>()
  private readonly listeners = new Set<() => void>()
  /** What was stored since rows are read, which may not have it yet. */
  private since: Array<Delta<Row>> | undefined

  constructor(kind: RowKind<Row>, stored: ReadonlyArray<Row>) {
    this.kind = kind
    this.rows = this.byKey(stored)
  }

  readonly onChange = (changed: () => void): (() => void) => {
    // Another function each time: who registers twice is called twice.
    const listener = () => changed()
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** A take-over has read all: nothing is under way any more. */
  reload(stored: ReadonlyArray<Row>): void {
    this.assumed.clear()
    this.since = undefined
    this.replace(this.byKey(stored))
  }

  /** All rows are going to be read, beside commits. Undefined rows: they could not be. */
  reading(): (stored: ReadonlyArray<Row> | undefined) => void {
    const since: Array<Delta<Row>> = []
    this.since = since
    return (stored) => {
      if (this.since !== since) return
      this.since = undefined
      if (stored !== undefined) this.replace(since.reduce<Rows<Row>>(patched, this.byKey(stored)))
    }
  }

  changing(decide: DecideRows<Row>): Participant<void> {
    let change = NO_CHANGE
    let before = this.rows
    let after = before
    let delta: Delta<Row> = new Map()
    return {
      bytes: 256,
      assemble: (writes) => {
        const underWay = this.assumed.get("all")
        before = underWay?.value ?? this.rows
        const decided = decide(before)
        if (isError(decided)) return decided
        const changes = this.changes(before, decided)
        if (isError(changes)) return changes
        after = decided
        delta = changes
        if (delta.size === 0) return underWay === undefined ? "Told" : "Stored"
        for (const [key, row] of delta) {
          writes.push(row === undefined ? this.kind.remove(before.get(key)!) : this.kind.put(row))
        }
        change = this.assumed.set("all", after)
        return "Stored"
      },
      retract: () => change.undo(),
      settle: (error) => {
        if (error !== undefined) return
        change.done()
        if (delta.size === 0) return
        this.since?.push(delta)
        this.become(this.rows === before ? after : patched(this.rows, delta))
      },
      answer: () => {}
    }
  }

  private byKey(stored: ReadonlyArray<Row>): Rows<Row> {
    return new Map(stored.map((row) => [this.kind.keyOf(row), row]))
  }

  /** What is to be written, or why it is not. */
  private changes(before: Rows<Row>, after: Rows<Row>): Delta<Row> | KafkaError {
    const { isSame, max, name, setting } = this.kind
    const delta = new Map<string, Row | undefined>()
    for (const [key, row] of after) {
      const present = before.get(key)
      if (present !== undefined && isSame(present, row)) continue
      if (present === undefined && Buffer.byteLength(key) > MAX_KEY_BYTES) {
        return new PolicyViolation({
          message: `The names of one of the ${name} have more than ${MAX_KEY_BYTES} bytes.`
        })
      }
      delta.set(key, row)
    }
    for (const key of before.keys()) if (!after.has(key)) delta.set(key, undefined)
    if (after.size > max && after.size > before.size) {
      return new PolicyViolation({ message: `There would be ${after.size} ${name}, and ${setting} is ${max}.` })
    }
    return delta
  }

  /** What is kept stays the same object if nothing is another. */
  private replace(rows: Rows<Row>): void {
    if (!this.isSame(rows)) this.become(rows)
  }

  private become(rows: Rows<Row>): void {
    this.rows = rows
    for (const listener of Array.from(this.listeners)) listener()
  }

  private isSame(rows: Rows<Row>): boolean {
    if (rows.size !== this.rows.size) return false
    for (const [key, row] of rows) {
      const present = this.rows.get(key)
      if (present === undefined || !this.kind.isSame(present, row)) return false
    }
    return true
  }
}
