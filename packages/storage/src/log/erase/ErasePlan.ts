import type { ErasureProgress } from "../../port/Erasures.ts"

/** How a partition is when it is looked at. */
export type PartitionState =
  /** All below is decided: no transaction that is open has a record there. */
  | { readonly _tag: "Stable"; readonly upTo: bigint }
  /** Its topic is deleted; with `isEmpty` the store holds no batch of it any more. */
  | { readonly _tag: "Deleted"; readonly isEmpty: boolean }

/** What is to be done next in a partition's log. */
export type EraseAction =
  | { readonly _tag: "Walk"; readonly from: bigint; readonly end: bigint }
  | { readonly _tag: "Wait"; readonly why: string }
  | { readonly _tag: "Over" }

const OVER: EraseAction = { _tag: "Over" }

/** Up to the end of that moment, as far as nothing is undecided; what is deleted goes as a whole. */
export const nextInLog = ({ endOffset, nextOffset }: ErasureProgress, state: PartitionState): EraseAction => {
  if (state._tag === "Deleted") {
    return state.isEmpty ? OVER : { _tag: "Wait", why: "the batches of its topic, which was deleted, are still there" }
  }
  if (nextOffset >= endOffset) return OVER
  const end = state.upTo < endOffset ? state.upTo : endOffset
  if (nextOffset < end) return { _tag: "Walk", from: nextOffset, end }
  return { _tag: "Wait", why: `a transaction is open from offset ${state.upTo} on` }
}

/** The keys of a pass: which of its requests a record is for. */
export class ErasedKeys {
  readonly #places = new Map<string, Array<number>>()
  readonly size: number

  constructor(keys: ReadonlyArray<Uint8Array>) {
    this.size = keys.length
    keys.forEach((key, i) => {
      const name = nameOf(key)
      const places = this.#places.get(name)
      if (places === undefined) this.#places.set(name, [i])
      else places.push(i)
    })
  }

  /** Places of requests, as one key may be asked for twice; undefined: the record stays. */
  placesOf(key: Uint8Array | null): ReadonlyArray<number> | undefined {
    return key === null ? undefined : this.#places.get(nameOf(key))
  }
}

/** Each byte as a character. */
const nameOf = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1")
