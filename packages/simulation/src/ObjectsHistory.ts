import { parseObjectName } from "@tusk/storage/log/objects/ObjectNames"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { StoredAt, Unit, Write } from "@tusk/storage/port/Write"
import type { Server } from "./Server.ts"

/** Behind it a batch is the same wherever it lies: before it are what its row knows better, and the checksum of that. */
const SAME_FROM = 43

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && Buffer.compare(a.subarray(SAME_FROM), b.subarray(SAME_FROM)) === 0

/** How long objects stay, in milliseconds. */
export interface Graces {
  /** Behind the commit that says that no batch points to it. */
  readonly unusedMs: number
  /** One that no row knows, behind the time in its name. */
  readonly orphanMs: number
}

/** What the object store holds, and what the database says of it: looked at whenever either changes. */
export class ObjectsHistory {
  readonly #violate: (invariant: string, text: string) => void
  /** What lies in the store now. */
  readonly #stored: ReadonlyMap<string, Uint8Array>
  /** All that was ever put, or was to be: by whom, and what. */
  readonly #named = new Map<string, { readonly broker: string; readonly bytes: Uint8Array }>()
  readonly #wasStored = new Set<string>()
  /** All that were ever the cluster's, the one that is it now at last. */
  #servers: ReadonlyArray<Server> = []

  readonly #graces: Graces

  constructor(
    violate: (invariant: string, text: string) => void,
    stored: ReadonlyMap<string, Uint8Array>,
    graces: Graces
  ) {
    this.#violate = violate
    this.#stored = stored
    this.#graces = graces
  }

  watch(servers: ReadonlyArray<Server>): void {
    this.#servers = servers
  }

  // ---- the store

  /** No name is given twice; the same put may be tried again. */
  puts(broker: string, name: string, bytes: Uint8Array): void {
    const before = this.#named.get(name)
    if (before === undefined) this.#named.set(name, { broker, bytes })
    else if (before.broker !== broker || Buffer.compare(before.bytes, bytes) !== 0) {
      this.#violate("O1", `${name} is put by ${broker}, and was by ${before.broker}`)
    }
  }

  /** What is stored is what the call was made with. A put that comes after a later one has, and that was removed, is nobody's. */
  stores(name: string, bytes: Uint8Array): void {
    const { bytes: asked } = this.#named.get(name)!
    if (this.#wasStored.has(name)) return
    this.#wasStored.add(name)
    if (Buffer.compare(asked, bytes) !== 0) this.#violate("O1", `${name} was changed after it was put`)
  }

  /** Nor was what is appended. A broker that puts and appends does not do both to one. */
  appends(name: string, asked: Uint8Array, bytes: Uint8Array): void {
    if (Buffer.compare(asked, bytes) !== 0)
      this.#violate("O1", `what was to be appended to ${name} was changed meanwhile`)
    if (this.#named.get(name)!.bytes.byteLength > 0) this.#violate("O1", `${name} is put as a whole, and appended to`)
  }

  removes(broker: string, name: string, nowMs: number): void {
    const wrong = (text: string) => this.#violate("O1", `${broker} removes ${name}${text}`)
    // What a broker did not put is somebody else's, whatever its name is.
    if (!this.#named.has(name)) wrong(", which is nobody's")
    const { data } = this.#servers.at(-1)!
    const pointer = pointersOf(data).find((each) => each.name === name)
    if (pointer !== undefined) wrong(`, to which ${pointer.where} points`)
    const row = data.objects.all.find((object) => object.name === name)
    const timeMs = parseObjectName(data.clusterId, name)?.timeMs ?? Infinity
    const { orphanMs, unusedMs } = this.#graces
    const dueMs = row === undefined ? timeMs + orphanMs : Number(row.unusedSince ?? Infinity) + unusedMs
    if (nowMs < dueMs) wrong(`, ${dueMs - nowMs} ms too early`)
  }

  // ---- the database

  /** Before a commit happens: what it points to is there, and is the batch. */
  commits(server: Server, units: ReadonlyArray<Unit>): void {
    for (const unit of units) {
      const names = new Map<bigint, string>()
      for (const write of unit) if (write._tag === "PutObject") names.set(write.objectId, write.name)
      for (const write of unit) this.#commitsOne(server, write, names)
    }
  }

  #commitsOne(server: Server, write: Write, names: ReadonlyMap<bigint, string>): void {
    const nameOf = ({ objectId }: StoredAt) => names.get(objectId) ?? server.data.objects.get(objectId)?.name
    const look = (baseOffset: bigint, at: StoredAt, batch: Uint8Array) => {
      const where = `${"partitionId" in write ? write.partitionId : ""}@${baseOffset}`
      this.#lookAt(where, nameOf(at), at.position, batch)
    }
    if (write._tag === "Append") {
      if (write.stored !== undefined) look(write.baseOffset, write.stored, write.records)
    } else if (write._tag === "ReplaceBatches") {
      for (const { baseOffset, records, stored } of write.batches) {
        if (stored !== undefined && records !== null) look(baseOffset, stored, records)
      }
    } else if (write._tag === "MoveBatches") {
      const log = server.data.partitions.get(write.partitionId)
      for (const { baseOffset, from, to } of write.batches) {
        const at = log?.find(baseOffset)
        const batch = at === undefined ? undefined : log!.batches[at]
        if (batch === undefined || (batch.stored?.objectId ?? null) !== from) continue
        look(baseOffset, to, server.bytesOf(batch))
      }
    }
  }

  #lookAt(where: string, name: string | undefined, position: number, batch: Uint8Array): void {
    const object = name === undefined ? undefined : this.#stored.get(name)
    if (object === undefined) {
      return this.#violate("O3", `${where} is to lie in ${name}, which is not stored`)
    }
    if (isSame(object.subarray(position, position + batch.byteLength), batch)) return
    this.#violate("O1", `${where} is to lie at ${position} of ${name}, where other bytes are`)
  }

  /** Another server takes over: all that it points to is there. */
  takesOver({ data }: Server): void {
    for (const { bytes, name, position, where } of pointersOf(data)) {
      const stored = this.#stored.get(name)?.byteLength
      if (stored === undefined || position + bytes > stored) {
        this.#violate("O1", `${where} lies in ${name}, of which ${stored ?? "nothing"} is there`)
      }
    }
  }

  /** A client is told that something lies there: it does, and what it points to is there. */
  acknowledged(topic: string, partition: number, offset: number): void {
    const isThere = this.#servers.some(({ data }) => {
      const id = Array.from(data.topics.values()).find(({ name }) => name === topic)?.partitionIds[partition]
      return id !== undefined && data.partitions.get(id)!.endOffset > BigInt(offset)
    })
    if (!isThere) this.#violate("O3", `${offset} of ${topic}-${partition} is acknowledged and not committed`)
  }

  /** Names of objects in the store to which no batch points. */
  get unused(): ReadonlyArray<string> {
    const server = this.#servers.at(-1)!
    const used = new Set(pointersOf(server.data).map(({ name }) => name))
    return Array.from(this.#named.keys()).filter((name) => this.#stored.has(name) && !used.has(name))
  }

  /** Those of them that are still there, when they should not be any more. */
  left(names: ReadonlyArray<string>): ReadonlyArray<string> {
    const unused = new Set(this.unused)
    return names.filter((name) => unused.has(name))
  }
}

interface Pointing {
  readonly where: string
  readonly name: string
  readonly position: number
  readonly bytes: number
}

/** All batches that lie in objects. */
const pointersOf = ({ objects, partitions }: MemoryData): ReadonlyArray<Pointing> => {
  const found: Array<Pointing> = []
  for (const [partitionId, { batches, first }] of partitions) {
    for (let i = first; i < batches.length; i++) {
      const { baseOffset, bytes, stored } = batches[i]!
      if (stored === undefined) continue
      const name = objects.get(stored.objectId)?.name ?? `object ${stored.objectId}`
      found.push({ where: `${partitionId}@${baseOffset}`, name, position: stored.position, bytes: bytes! })
    }
  }
  return found
}
