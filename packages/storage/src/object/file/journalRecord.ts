/** How bytes lie in a segment of the journal: a block that names its generation, then objects, each from a new block on. */
import { crc32c } from "@tusk/protocol/record/Crc32c"

/** A page of memory and of most disks: nothing that was stored before lies in a page that is written. */
export const BLOCK = 4096
export const GENERATION_BYTES = 16
const MAGIC = 0x546b4a31
/** Magic, checksum of all that follows, generation, bytes of the object, bytes of its name. */
const HEADER = 4 + 4 + GENERATION_BYTES + 4 + 4

/** Where a system was started that wrote a segment: what it held in memory is on the disk unless this is another one. */
const BOOT_BYTES = 36

const padded = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK

/** Bytes that an object takes, with what is written before it. */
export const recordBytes = (name: string, bytes: number): number => padded(HEADER + name.length + bytes)

const sealed = (header: Buffer): Buffer => {
  header.writeUInt32BE(crc32c(header.subarray(8)), 4)
  return header
}

const isSealed = (header: Buffer): boolean =>
  header.readUInt32BE(0) === MAGIC && header.readUInt32BE(4) === crc32c(header.subarray(8))

/** The first block of a segment. */
export const encodeGeneration = (generation: Uint8Array, boot: string): Buffer => {
  const block = Buffer.alloc(BLOCK)
  block.writeUInt32BE(MAGIC, 0)
  block.set(generation, 8)
  block.write(boot.slice(0, BOOT_BYTES), 8 + GENERATION_BYTES, "latin1")
  return sealed(block)
}

/** What is written before an object's bytes; names have no other characters than ASCII has. */
export const encodeHeader = (generation: Uint8Array, name: string, bytes: number): Buffer => {
  const header = Buffer.allocUnsafe(HEADER + name.length)
  header.writeUInt32BE(MAGIC, 0)
  header.set(generation, 8)
  header.writeUInt32BE(bytes, 8 + GENERATION_BYTES)
  header.writeUInt32BE(name.length, 12 + GENERATION_BYTES)
  header.write(name, HEADER, "latin1")
  return sealed(header)
}

export interface JournalObject {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A record that begins there, of this generation. */
const recordAt = (segment: Buffer, at: number, generation: Uint8Array): JournalObject | undefined => {
  if (segment.readUInt32BE(at) !== MAGIC) return undefined
  const bytes = segment.readUInt32BE(at + 8 + GENERATION_BYTES)
  const nameBytes = segment.readUInt32BE(at + 12 + GENERATION_BYTES)
  const start = at + HEADER + nameBytes
  if (start + bytes > segment.byteLength || !isSealed(segment.subarray(at, start))) return undefined
  if (Buffer.compare(segment.subarray(at + 8, at + 8 + GENERATION_BYTES), generation) !== 0) return undefined
  return { name: segment.toString("latin1", at + HEADER, start), bytes: segment.subarray(start, start + bytes) }
}

/**
 * All objects of a segment's generation, and where the system was started that wrote it; undefined: it has none. Writes go side
 * by side: behind one that did not end there may be one that did, so that each block is looked at.
 */
export const decodeSegment = (
  segment: Buffer
): { readonly boot: string; readonly objects: ReadonlyArray<JournalObject> } | undefined => {
  if (segment.byteLength < BLOCK || !isSealed(segment.subarray(0, BLOCK))) return undefined
  const generation = segment.subarray(8, 8 + GENERATION_BYTES)
  const boot = segment.toString("latin1", 8 + GENERATION_BYTES, 8 + GENERATION_BYTES + BOOT_BYTES)
  const objects: Array<JournalObject> = []
  for (let at = BLOCK; at + BLOCK <= segment.byteLength;) {
    const object = recordAt(segment, at, generation)
    if (object !== undefined) objects.push(object)
    at += object === undefined ? BLOCK : recordBytes(object.name, object.bytes.byteLength)
  }
  return { boot: boot.replaceAll("\0", ""), objects }
}
