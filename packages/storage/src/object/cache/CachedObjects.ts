import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ObjectMissing, ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import { StorageCounts } from "../../StorageCounts.ts"
import type { DiskBlocks } from "./DiskBlocks.ts"

export interface CacheOptions {
  /** Bytes in memory at most. */
  readonly maxBytes: number
  /** Objects are kept in blocks of so many bytes, the first one at 0. */
  readonly blockBytes: number
  /** For what memory has no room for any more. */
  readonly disk: DiskBlocks | undefined
}

type ReadError = ObjectMissing | ObjectStoreError
type Objects = Pick<ObjectStore, "get" | "name">

/** The beginning of a block, up to where somebody asked for it: nobody tells where an object ends. */
type Block = Uint8Array

const NOTHING: Block = new Uint8Array(0)

/** Blocks of one object that are read by one call: from the first byte that is missing to the last one that is wanted. */
interface Piece {
  readonly from: number
  to: number
  readonly blocks: Array<number>
}

/** A read of blocks, of an object each, that somebody waits for. */
type Reading = Deferred.Deferred<Block, ReadError>

const keyOf = (name: string, block: number): string => `${block} ${name}`

/**
 * Ranges of objects by way of memory and a disk: objects never change, so what was read once is right for ever. A block that is
 * being read is read once for all who want it. What a block lacks at its end is read when it is asked for.
 */
export class CachedObjects implements Objects {
  readonly name: string
  readonly #behind: Objects
  readonly #scope: Scope.Scope
  readonly #options: CacheOptions
  readonly #counts: StorageCounts
  /** In order of last use. */
  readonly #blocks = new Map<string, Block>()
  readonly #reading = new Map<string, Reading>()
  #bytes = 0

  /** Reads in `scope`: who asked first may go while others wait for the same. */
  constructor(behind: Objects, scope: Scope.Scope, options: CacheOptions, counts = new StorageCounts()) {
    this.name = behind.name
    this.#behind = behind
    this.#scope = scope
    this.#options = options
    this.#counts = counts
  }

  /** Bytes in memory now. */
  get bytes(): number {
    return this.#bytes
  }

  readonly get: ObjectStore["get"] = Effect.fnUntraced(
    { self: this },
    function* (name: string, from: number, to: number) {
      const { blockBytes } = this.#options
      const have = new Map<number, Block>()
      for (let block = Math.floor(from / blockBytes); block * blockBytes < to; block++) have.set(block, NOTHING)
      const wanted = (block: number) => Math.min(blockBytes, to - block * blockBytes)
      let isFirst = true
      for (;;) {
        const lacking = this.#take(name, have, wanted)
        if (isFirst) this.#counted(have.size, lacking.length)
        isFirst = false
        if (lacking.length === 0) return cut(have, blockBytes, from, to)
        for (const [block, reading] of yield* this.#readings(name, lacking, wanted)) {
          have.set(block, yield* Deferred.await(reading))
        }
      }
    }
  )

  /** The object is gone: what it held is not kept. */
  forget(name: string): void {
    const isWanted = (key: string) => !key.endsWith(` ${name}`)
    for (const [key, block] of this.#blocks) {
      if (isWanted(key)) continue
      this.#blocks.delete(key)
      this.#bytes -= block.byteLength
    }
    this.#options.disk?.forget(isWanted)
  }

  #counted(all: number, lacking: number): void {
    this.#counts.objectCacheMisses += lacking
    this.#counts.objectCacheHits += all - lacking
  }

  /** Takes out of memory what it has; gives blocks that are not long enough yet. */
  #take(name: string, have: Map<number, Block>, wanted: (block: number) => number): ReadonlyArray<number> {
    return Array.from(have.keys()).filter((block) => {
      const key = keyOf(name, block)
      const held = this.#blocks.get(key)
      if (held !== undefined) {
        this.#blocks.delete(key)
        this.#blocks.set(key, held)
        if (held.byteLength > have.get(block)!.byteLength) have.set(block, held)
      }
      return have.get(block)!.byteLength < wanted(block)
    })
  }

  /** Reads of these blocks: those under way, and new ones for the rest. */
  #readings(
    name: string,
    lacking: ReadonlyArray<number>,
    wanted: (block: number) => number
  ): Effect.Effect<ReadonlyArray<readonly [number, Reading]>> {
    const begun: Array<Effect.Effect<void>> = []
    const missing: Array<number> = []
    for (const block of lacking) {
      const key = keyOf(name, block)
      if (this.#reading.has(key)) continue
      if ((this.#options.disk?.length(key) ?? 0) >= wanted(block)) begun.push(this.#readDisk(key))
      else missing.push(block)
    }
    for (const piece of this.#pieces(name, missing, wanted)) begun.push(this.#readPiece(name, piece))
    const readings = lacking.map((block) => [block, this.#reading.get(keyOf(name, block))!] as const)
    return Effect.as(
      Effect.uninterruptible(
        Effect.forEach(begun, (read) => Effect.forkIn(Effect.interruptible(read), this.#scope), { discard: true })
      ),
      readings
    )
  }

  #heldBytes(name: string, block: number): number {
    return this.#blocks.get(keyOf(name, block))?.byteLength ?? 0
  }

  #pieces(name: string, missing: ReadonlyArray<number>, wanted: (block: number) => number): ReadonlyArray<Piece> {
    const pieces: Array<Piece> = []
    for (const block of missing) {
      const start = block * this.#options.blockBytes
      const from = start + this.#heldBytes(name, block)
      const last = pieces.at(-1)
      if (last?.to === from) {
        last.to = start + wanted(block)
        last.blocks.push(block)
      } else {
        pieces.push({ from, to: start + wanted(block), blocks: [block] })
      }
    }
    return pieces
  }

  #begin(key: string): Reading {
    const reading = Deferred.makeUnsafe<Block, ReadError>()
    this.#reading.set(key, reading)
    return reading
  }

  /** Whoever waits for the read has its end, also if it is interrupted. */
  #end(key: string, reading: Reading, result: Effect.Effect<Block, ReadError>): void {
    if (this.#reading.get(key) === reading) this.#reading.delete(key)
    Deferred.doneUnsafe(reading, result)
  }

  #readDisk(key: string): Effect.Effect<void> {
    const reading = this.#begin(key)
    return Effect.map(this.#options.disk!.read(key), (block) => {
      if (block !== undefined) this.#keep(key, block)
      this.#end(key, reading, Effect.succeed(block ?? NOTHING))
    })
  }

  #readPiece(name: string, { blocks, from, to }: Piece): Effect.Effect<void> {
    const { blockBytes } = this.#options
    const readings = blocks.map((block) => this.#begin(keyOf(name, block)))
    const before = this.#blocks.get(keyOf(name, blocks[0]!)) ?? NOTHING
    const ended = (exit: Exit.Exit<Uint8Array, ReadError>) => {
      for (const [i, block] of blocks.entries()) {
        const key = keyOf(name, block)
        if (Exit.isFailure(exit)) {
          this.#end(key, readings[i]!, exit)
          continue
        }
        const start = block * blockBytes
        // Each has memory of its own, so that it can go alone.
        const part = exit.value.slice(Math.max(0, start - from), start + blockBytes - from)
        const whole = i === 0 && before.byteLength > 0 ? Buffer.concat([before, part]) : part
        this.#keep(key, whole)
        this.#end(key, readings[i]!, Effect.succeed(whole))
      }
    }
    return this.#behind.get(name, from, to).pipe(
      Effect.onExit((exit) => Effect.sync(() => ended(exit))),
      Effect.ignoreCause
    )
  }

  #keep(key: string, block: Block): void {
    this.#bytes += block.byteLength - (this.#blocks.get(key)?.byteLength ?? 0)
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    while (this.#bytes > this.#options.maxBytes) {
      const [oldest, gone] = this.#blocks.entries().next().value!
      this.#blocks.delete(oldest)
      this.#bytes -= gone.byteLength
      this.#options.disk?.write(oldest, gone)
    }
  }
}

/** A copy of the range out of blocks that hold it. */
const cut = (have: ReadonlyMap<number, Block>, blockBytes: number, from: number, to: number): Uint8Array => {
  const bytes = new Uint8Array(to - from)
  for (const [block, held] of have) {
    const start = block * blockBytes
    bytes.set(held.subarray(Math.max(0, from - start), to - start), Math.max(0, start - from))
  }
  return bytes
}
