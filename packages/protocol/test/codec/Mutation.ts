/** Hostile bytes from a seed: mutations of real bodies, decoded with time and reason watched. */
import type { MessageCodec } from "../../src/codec/MessageCodec.ts"
import { Reader } from "../../src/codec/Reader.ts"
import { apiByKey } from "../../src/messages/index.ts"
import { ProtocolError } from "../../src/ProtocolError.ts"
import { apiVectorNames, readVectors } from "../vectors.ts"

export interface Sample {
  readonly name: string
  readonly codec: MessageCodec<any>
  readonly version: number
  readonly bytes: Buffer
}

/** Every golden body with its codec. */
export const samples = (): Array<Sample> =>
  [...apiVectorNames(), "removed-since-3.9"].flatMap((name) =>
    readVectors(name).map((v) => {
      const api = apiByKey(v.key)!
      return {
        name: `${v.api} ${v.type} v${v.version} ${v.variant}`,
        codec: v.type === "request" ? api.request : api.response,
        version: v.version,
        bytes: Buffer.from(v.hex, "hex")
      }
    })
  )

/** A small generator of numbers from a seed (mulberry32). */
export const random = (seed: number) => {
  let state = seed >>> 0
  return (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const lengths = [0x7fffffff, 0x80000000, 0xffffffff, 0x00ffffff, 0x7fff, 1 << 20]

/** One mutation: bits, bytes, large lengths, cuts, repeats, noise. */
export const mutate = (bytes: Buffer, below: (n: number) => number): Buffer => {
  const copy = Buffer.from(bytes)
  const size = copy.length
  if (size === 0) return Buffer.from([below(256), below(256)])
  for (let times = 1 + below(3); times > 0; times--) {
    const at = below(size)
    switch (below(7)) {
      case 0:
        copy[at] = copy[at]! ^ (1 << below(8))
        break
      case 1:
        copy[at] = below(256)
        break
      case 2:
        copy[at] = 255
        break
      case 3:
        if (at + 4 <= size) copy.writeUInt32BE(lengths[below(lengths.length)]!, at)
        break
      case 4:
        // A varint that says four thousand million.
        copy.set(Buffer.from("ffffffff0f", "hex").subarray(0, size - at), at)
        break
      case 5:
        return Buffer.from(copy.subarray(0, at))
      case 6:
        return Buffer.concat([copy.subarray(0, at), copy.subarray(below(size))])
    }
  }
  return copy
}

/** Decodes; answers the error's reason, or undefined for a value. Any other exception passes through. */
export const reasonOf = (sample: Sample, bytes: Buffer): string | undefined => {
  try {
    sample.codec.decode(new Reader(bytes), sample.version)
    return undefined
  } catch (error) {
    if (error instanceof ProtocolError) return error.reason
    throw error
  }
}
