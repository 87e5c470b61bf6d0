import { aclKey } from "@tusk/storage/port/Security"
import type { StoredAcl } from "@tusk/storage/port/Security"
import type { Asked } from "./LogHistory.ts"

/** What is asked for: an operation on a resource, by Kafka's words. */
export interface Right {
  readonly user: string
  readonly operation: "READ" | "WRITE" | "DESCRIBE"
  readonly resourceType: "TOPIC" | "GROUP"
  readonly resourceName: string
}

/** ACLs as they were stored from one moment on. */
interface Version {
  readonly rows: ReadonlyMap<string, StoredAcl>
  readonly sinceMs: number
  /** From then on every broker that is the writer goes by these or by later ones; Infinity: nobody was told so. */
  knownMs: number
}

type Violate = (invariant: string, text: string) => void

/** What allows an operation also allows to see that the resource is there. */
const SHOWS = new Set(["READ", "WRITE", "DELETE", "ALTER"])

const isAbout = (row: StoredAcl, { operation, resourceName, resourceType, user }: Right): boolean => {
  if (row.resourceType !== resourceType || row.principal !== `User:${user}`) return false
  const isNamed =
    row.patternType === "PREFIXED"
      ? resourceName.startsWith(row.resourceName)
      : row.resourceName === "*" || row.resourceName === resourceName
  if (!isNamed) return false
  if (row.operation === operation || row.operation === "ALL") return true
  return operation === "DESCRIBE" && row.permissionType === "ALLOW" && SHOWS.has(row.operation)
}

/** By Kafka's rules, as far as rows here go: all hosts, users by name. */
export const isAllowed = (rows: Iterable<StoredAcl>, right: Right): boolean => {
  let allowed = false
  for (const row of rows) {
    if (!isAbout(row, right)) continue
    if (row.permissionType === "DENY") return false
    allowed = true
  }
  return allowed
}

const tellRight = ({ operation, resourceName, resourceType, user }: Right): string =>
  `${user}'s right to ${operation} ${resourceType} ${resourceName}`

/**
 * Which ACLs were stored when, as the database knows it, and what clients were told of it. What was stored holds once
 * somebody was told, or once a broker took over behind it; until then a request may meet the ACLs before it. A failover puts
 * back what it lost, and holds from the next take-over on.
 */
export class RightsHistory {
  readonly #violate: Violate
  readonly #versions: Array<Version> = [{ rows: new Map(), sinceMs: -Infinity, knownMs: -Infinity }]

  constructor(violate: Violate) {
    this.#violate = violate
  }

  /** These are stored from now on. */
  becomes(rows: ReadonlyArray<StoredAcl>, nowMs: number): void {
    this.#versions.push({ rows: new Map(rows.map((row) => [aclKey(row), row])), sinceMs: nowMs, knownMs: Infinity })
  }

  /** A broker takes over, with all that is stored. */
  allKnown(nowMs: number): void {
    this.#known(this.#versions.length - 1, nowMs)
  }

  #known(at: number, nowMs: number): void {
    for (let i = at; i >= 0 && this.#versions[i]!.knownMs > nowMs; i--) this.#versions[i]!.knownMs = nowMs
  }

  /** Positions of those that a request may have met. */
  #possible({ nowMs, sentMs }: Asked): readonly [first: number, last: number] {
    const versions = this.#versions
    let last = versions.length - 1
    while (versions[last]!.sinceMs > nowMs) last--
    let first = last
    // What was sent and what was told in the same millisecond came in either order.
    while (versions[first]!.knownMs >= sentMs) first--
    return [first, last]
  }

  /** Whether somebody may, for as long as a request was under way; undefined if that is not certain. */
  certainly(asked: Asked, right: Right): boolean | undefined {
    if (asked.isBehind) return undefined
    const [first, last] = this.#possible(asked)
    const isFirst = isAllowed(this.#versions[first]!.rows.values(), right)
    for (let i = first + 1; i <= last; i++) {
      if (isAllowed(this.#versions[i]!.rows.values(), right) !== isFirst) return undefined
    }
    return isFirst
  }

  /** A request was refused or not. `invariant`: of those who may not. */
  answered(asked: Asked, right: Right, isRefused: boolean, invariant: "A1" | "A2"): void {
    const may = this.certainly(asked, right)
    if (may === undefined || may !== isRefused) return
    const when = `asked at ${asked.sentMs}, answered at ${asked.nowMs}`
    if (may) this.#violate("A3", `${tellRight(right)} is refused, ${when}`)
    else this.#violate(invariant, `${tellRight(right)} is not there and is granted, ${when}`)
  }

  /** A change was acknowledged: the row is there, or is not. */
  changed(asked: Asked, row: StoredAcl, isThere: boolean): void {
    const key = aclKey(row)
    const [first, last] = this.#possible(asked)
    const has = (at: number): boolean => this.#versions[at]!.rows.has(key)
    let at = last
    while (at >= first && has(at) !== isThere) at--
    if (at < first) {
      const text = `${key} is told to be ${isThere ? "created" : "deleted"} at ${asked.nowMs}`
      return this.#violate("A4", `${text}, and is ${isThere ? "not there" : "there"}`)
    }
    while (at > first && has(at - 1) === isThere) at--
    this.#known(at, asked.nowMs)
  }

  /** Somebody was told which rows there are. */
  described(asked: Asked, found: ReadonlyArray<StoredAcl>): void {
    if (asked.isBehind) return
    const keys = found.map(aclKey)
    const [first, last] = this.#possible(asked)
    for (let at = first; at <= last; at++) {
      const { rows } = this.#versions[at]!
      if (rows.size === keys.length && keys.every((key) => rows.has(key))) return this.#known(at, asked.nowMs)
    }
    const { rows } = this.#versions[last]!
    const text = `${asked.client} finds ACLs ${keys.join(" ")} at ${asked.sentMs}`
    this.#violate("A4", `${text}, stored are ${Array.from(rows.keys()).join(" ")}`)
  }
}
