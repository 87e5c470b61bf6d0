/** A block is near as a whole, or not. */
const BLOCK_BYTES = 1 << 20

const blockOf = (position: number): number => Math.floor(position / BLOCK_BYTES)

/**
 * What of which objects this process has written or read of late: the operating system has it in memory, most likely, and no
 * disk is asked for it. So much at most; the objects used last are kept.
 */
export class NearBytes {
  /** Blocks by object, those used last last. */
  readonly #objects = new Map<string, Set<number>>()
  readonly #mostBlocks: number
  #blocks = 0

  constructor(mostBytes: number) {
    this.#mostBlocks = Math.floor(mostBytes / BLOCK_BYTES)
  }

  has(name: string, from: number, to: number): boolean {
    const blocks = this.#objects.get(name)
    if (blocks === undefined) return false
    for (let block = blockOf(from); block <= blockOf(to - 1); block++) if (!blocks.has(block)) return false
    return true
  }

  /** Written or read from one position to another. */
  used(name: string, from: number, to: number): void {
    const blocks = this.#objects.get(name) ?? new Set()
    this.#objects.delete(name)
    this.#objects.set(name, blocks)
    const before = blocks.size
    for (let block = blockOf(from); block <= blockOf(to - 1); block++) blocks.add(block)
    this.#blocks += blocks.size - before
    while (this.#blocks > this.#mostBlocks) this.drop(this.#objects.keys().next().value!)
  }

  /** It is gone, or was not near. */
  drop(name: string): void {
    this.#blocks -= this.#objects.get(name)?.size ?? 0
    this.#objects.delete(name)
  }
}
