import type { StoredAcl } from "@tusk/storage/port/Security"
import { OPERATION_CODES } from "../../request/Operations.ts"
import type { Operation, ResourceType } from "../../request/Operations.ts"
import { codeOf, OPERATIONS, WILDCARD, WORD_OF_TYPE } from "./AclWords.ts"
import { canonicalHost } from "./canonicalHost.ts"

/** A set of operations: bit n stands for the one with number n. */
export type OperationSet = number

export const setOf = (...operations: ReadonlyArray<Operation>): OperationSet =>
  operations.reduce((set, operation) => set | (1 << OPERATION_CODES[operation]), 0)

export const ALL_OPERATIONS = setOf(...(Object.keys(OPERATION_CODES) as ReadonlyArray<Operation>))

const IMPLIES_DESCRIBE = setOf("read", "write", "delete", "alter")
const IMPLIES_DESCRIBE_CONFIGS = setOf("alterConfigs")

/** In rows: whoever it is. */
export const EVERY_USER = "User:*"

/** About whom a decision is. */
export interface Subject {
  /** Its principal, its groups, and `User:*`. */
  readonly principals: ReadonlyArray<string>
  /** By `canonicalHost`. */
  readonly host: string
}

/** What rows say, added up. */
class Verdict {
  denied: OperationSet = 0
  /** With the operations that the named ones imply. */
  allowed: OperationSet = 0
  /** Without. */
  named: OperationSet = 0

  add(other: Verdict | undefined): void {
    if (other === undefined) return
    this.denied |= other.denied
    this.allowed |= other.allowed
    this.named |= other.named
  }

  addRow({ operation, permissionType }: StoredAcl): void {
    const named = operation === "ALL" ? ALL_OPERATIONS : (1 << codeOf(OPERATIONS, operation)) & ALL_OPERATIONS
    // What is implied is allowed alone: who may not read may describe.
    if (permissionType === "DENY") {
      this.denied |= named
    } else if (permissionType === "ALLOW") {
      this.named |= named
      this.allowed |= named
      if ((named & IMPLIES_DESCRIBE) !== 0) this.allowed |= setOf("describe")
      if ((named & IMPLIES_DESCRIBE_CONFIGS) !== 0) this.allowed |= setOf("describeConfigs")
    }
  }
}

/** All rows with one type, name and type of pattern. */
class Pattern {
  readonly #rows = new Map<string, StoredAcl>()
  /** By principal and host; made when first asked for after a change. */
  #verdicts: Map<string, Map<string, Verdict>> | undefined

  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  put(key: string, row: StoredAcl | undefined): void {
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
    this.#verdicts = undefined
  }

  tell({ host, principals }: Subject, sum: Verdict): void {
    const verdicts = (this.#verdicts ??= this.#weigh())
    for (const principal of principals) {
      const ofPrincipal = verdicts.get(principal)
      if (ofPrincipal === undefined) continue
      sum.add(ofPrincipal.get(WILDCARD))
      sum.add(ofPrincipal.get(host))
    }
  }

  #weigh(): Map<string, Map<string, Verdict>> {
    const verdicts = new Map<string, Map<string, Verdict>>()
    for (const row of this.#rows.values()) {
      let hosts = verdicts.get(row.principal)
      if (hosts === undefined) verdicts.set(row.principal, (hosts = new Map()))
      const host = canonicalHost(row.host)
      let verdict = hosts.get(host)
      if (verdict === undefined) hosts.set(host, (verdict = new Verdict()))
      verdict.addRow(row)
    }
    return verdicts
  }
}

/** Prefixes of a text that are as long as one of these, the text itself among them. */
const prefixesOf = (text: string, lengths: Iterable<number>): ReadonlyArray<string> => {
  const prefixes: Array<string> = []
  for (const length of lengths) if (length <= text.length) prefixes.push(text.slice(0, length))
  return prefixes
}

const lengthsOf = (texts: Iterable<string>): Set<number> => {
  const lengths = new Set<number>()
  for (const { length } of texts) lengths.add(length)
  return lengths
}

/** The patterns of one type of resource, by name. */
class Patterns {
  readonly literal = new Map<string, Pattern>()
  readonly prefixed = new Map<string, Pattern>()
  #lengths: Set<number> | undefined

  put(key: string, { patternType, resourceName }: StoredAcl, row: StoredAcl | undefined): void {
    const patterns = patternType === "PREFIXED" ? this.prefixed : this.literal
    let pattern = patterns.get(resourceName)
    if (pattern === undefined) patterns.set(resourceName, (pattern = new Pattern()))
    pattern.put(key, row)
    if (pattern.isEmpty) patterns.delete(resourceName)
    this.#lengths = undefined
  }

  /** Those that the name falls under. */
  of(name: string): ReadonlyArray<Pattern> {
    const lengths = (this.#lengths ??= lengthsOf(this.prefixed.keys()))
    const found = [
      this.literal.get(name),
      name === WILDCARD ? undefined : this.literal.get(WILDCARD),
      ...prefixesOf(name, lengths).map((prefix) => this.prefixed.get(prefix))
    ]
    return found.filter((pattern) => pattern !== undefined)
  }
}

/** The rows of `kafka.acls` by what they are asked for. Its answers are those of a walk over all of them. */
export class AclIndex {
  #rows: ReadonlyMap<string, StoredAcl> = new Map()
  readonly #types = new Map<string, Patterns>()

  /** Takes in what has changed since the last call. */
  update(rows: ReadonlyMap<string, StoredAcl>): void {
    for (const [key, row] of this.#rows) if (!rows.has(key)) this.#of(row.resourceType).put(key, row, undefined)
    for (const [key, row] of rows) if (!this.#rows.has(key)) this.#of(row.resourceType).put(key, row, row)
    this.#rows = rows
  }

  /** What rows allow and none denies; undefined: the resource falls under no row, be it about whomever. */
  operationsOn(subject: Subject, resourceType: ResourceType, name: string): OperationSet | undefined {
    const patterns = this.#types.get(WORD_OF_TYPE[resourceType])?.of(name)
    if (patterns === undefined || patterns.length === 0) return undefined
    const sum = new Verdict()
    for (const pattern of patterns) pattern.tell(subject, sum)
    return sum.allowed & ~sum.denied
  }

  /**
   * Whether there may be a resource of the type on which the operation is allowed (KIP-679): rows allow it on a name or a
   * prefix that those that deny it do not cover. Implied operations do not count.
   */
  allowsSomewhere(subject: Subject, operation: Operation, resourceType: ResourceType): boolean {
    const patterns = this.#types.get(WORD_OF_TYPE[resourceType])
    if (patterns === undefined) return false
    const bit = setOf(operation)
    const [literal, prefixed] = [said(patterns.literal, subject, bit), said(patterns.prefixed, subject, bit)]
    if (literal.denied.has(WILDCARD)) return false
    if (literal.allowed.has(WILDCARD)) return true
    const lengths = lengthsOf(prefixed.denied)
    const isFree = (name: string) => prefixesOf(name, lengths).every((prefix) => !prefixed.denied.has(prefix))
    for (const name of literal.allowed) if (!literal.denied.has(name) && isFree(name)) return true
    for (const prefix of prefixed.allowed) if (isFree(prefix)) return true
    return false
  }

  #of(resourceType: string): Patterns {
    let patterns = this.#types.get(resourceType)
    if (patterns === undefined) this.#types.set(resourceType, (patterns = new Patterns()))
    return patterns
  }
}

/** Names on which an operation is allowed, and those on which it is denied. */
const said = (patterns: ReadonlyMap<string, Pattern>, subject: Subject, bit: OperationSet) => {
  const allowed = new Set<string>()
  const denied = new Set<string>()
  for (const [name, pattern] of patterns) {
    const verdict = new Verdict()
    pattern.tell(subject, verdict)
    if ((verdict.named & bit) !== 0) allowed.add(name)
    if ((verdict.denied & bit) !== 0) denied.add(name)
  }
  return { allowed, denied }
}
