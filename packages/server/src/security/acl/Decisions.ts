import type { StoredAcl } from "@tusk/storage/port/Security"
import type { Identity } from "../../request/Identity.ts"
import { OPERATION_CODES } from "../../request/Operations.ts"
import type { Operation, ResourceType } from "../../request/Operations.ts"
import { AclIndex, ALL_OPERATIONS, EVERY_USER, setOf } from "./AclIndex.ts"
import type { OperationSet, Subject } from "./AclIndex.ts"
import { canonicalHost } from "./canonicalHost.ts"

export interface DecisionOptions {
  /** All rows by their keys; another object once they have changed. */
  readonly rows: () => ReadonlyMap<string, StoredAcl>
  /** They may do everything: `User:<name>`, `Group:<name>`. */
  readonly superUsers: ReadonlySet<string>
  /** What falls under no row is everybody's. */
  readonly allowsEveryone: boolean
  /** For decisions that are kept; once they take more, none is. */
  readonly cacheBytes: number
}

/** The name by which Kafka asks what holds for a resource of any name. */
const ANY_NAME = "hardcode"

/** What a subject and a decision take in memory beside their texts, about, in bytes. */
const SUBJECT_BYTES = 400
const DECISION_BYTES = 64

/** Somebody at a host, and what was decided about him. */
class Known implements Subject {
  readonly principals: ReadonlyArray<string>
  readonly host: string
  readonly isSuper: boolean
  /** Of each type: what is allowed, by name. */
  readonly operations: { [Type in ResourceType]?: Map<string, OperationSet> } = {}
  /** Of each type: what was asked for by type alone, and what of it is allowed. */
  readonly somewhere = new Map<ResourceType, { asked: OperationSet; allowed: OperationSet }>()

  constructor({ groups, principal }: Identity, host: string, superUsers: ReadonlySet<string>) {
    this.principals = [principal, ...groups, EVERY_USER]
    this.host = canonicalHost(host)
    this.isSuper = superUsers.has(principal) || groups.some((group) => superUsers.has(group))
  }
}

/** Decides as Kafka's StandardAuthorizer does, and keeps what it decided until rows change. */
export class Decisions {
  readonly #options: DecisionOptions
  readonly #index = new AclIndex()
  #indexed: ReadonlyMap<string, StoredAcl> | undefined
  /** By who it is, and the host. */
  #known = new Map<string, Map<string, Known>>()
  /** Of identities with groups, as texts. */
  readonly #names = new WeakMap<Identity, string>()
  #bytes = 0
  /** Who was asked about last: mostly it is asked about him again. */
  #last: { readonly identity: Identity; readonly host: string; readonly known: Known } | undefined

  constructor(options: DecisionOptions) {
    this.#options = options
  }

  /** Bytes of decisions that are kept, about. */
  get heldBytes(): number {
    return this.#bytes
  }

  /** What somebody may do to a resource. */
  operationsOn(identity: Identity, host: string, resourceType: ResourceType, name: string): OperationSet {
    this.#refresh()
    const known = this.#knownOf(identity, host)
    if (known.isSuper) return ALL_OPERATIONS
    const decided = known.operations[resourceType]?.get(name)
    return decided ?? this.#decide(identity, host, resourceType, name)
  }

  /** Whether somebody may do the operation to any resource of the type (KIP-679). */
  allowsSomewhere(identity: Identity, host: string, operation: Operation, resourceType: ResourceType): boolean {
    // What holds for a name that no row is about holds somewhere.
    const operations = this.operationsOn(identity, host, resourceType, ANY_NAME)
    if ((operations & (1 << OPERATION_CODES[operation])) !== 0) return true
    const known = this.#knownOf(identity, host)
    let kept = known.somewhere.get(resourceType)
    if (kept === undefined) known.somewhere.set(resourceType, (kept = { asked: 0, allowed: 0 }))
    const bit = setOf(operation)
    if ((kept.asked & bit) === 0) {
      kept.asked |= bit
      if (this.#index.allowsSomewhere(known, operation, resourceType)) kept.allowed |= bit
    }
    return (kept.allowed & bit) !== 0
  }

  #decide(identity: Identity, host: string, resourceType: ResourceType, name: string): OperationSet {
    const subject = this.#knownOf(identity, host)
    const operations =
      this.#index.operationsOn(subject, resourceType, name) ?? (this.#options.allowsEveryone ? ALL_OPERATIONS : 0)
    const bytes = DECISION_BYTES + 2 * name.length
    if (this.#makeRoom(bytes)) {
      const known = this.#knownOf(identity, host)
      const decided = (known.operations[resourceType] ??= new Map())
      decided.set(name, operations)
    }
    return operations
  }

  #refresh(): void {
    const rows = this.#options.rows()
    if (rows === this.#indexed) return
    this.#index.update(rows)
    this.#indexed = rows
    this.#forget()
  }

  #forget(): void {
    this.#known = new Map()
    this.#last = undefined
    this.#bytes = 0
  }

  /** Whether so much more can be kept; all that was is forgotten for it if need be. */
  #makeRoom(bytes: number): boolean {
    if (this.#bytes + bytes > this.#options.cacheBytes) this.#forget()
    if (bytes > this.#options.cacheBytes) return false
    this.#bytes += bytes
    return true
  }

  #knownOf(identity: Identity, host: string): Known {
    const last = this.#last
    if (last !== undefined && last.identity === identity && last.host === host) return last.known
    const name = this.#nameOf(identity)
    const known = this.#known.get(name)?.get(host) ?? this.#meet(identity, host, name)
    this.#last = { identity, host, known }
    return known
  }

  #meet(identity: Identity, host: string, name: string): Known {
    const known = new Known(identity, host, this.#options.superUsers)
    if (this.#makeRoom(SUBJECT_BYTES + 4 * (name.length + host.length))) {
      const hosts = this.#known.get(name)
      if (hosts === undefined) this.#known.set(name, new Map([[host, known]]))
      else hosts.set(host, known)
    }
    return known
  }

  /** No two that differ in principal or groups have the same. */
  #nameOf(identity: Identity): string {
    if (identity.groups.length === 0) return identity.principal
    let name = this.#names.get(identity)
    if (name === undefined) {
      name = JSON.stringify([identity.principal, ...identity.groups])
      this.#names.set(identity, name)
    }
    return name
  }
}
