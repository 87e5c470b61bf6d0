/** Of batches in order of their offsets, where the first one stands that ends at an offset or behind it: the length if none does. */
export const firstEndingAt = (
  batches: ReadonlyArray<{ readonly lastOffset: bigint }>,
  offset: bigint,
  from = 0
): number => {
  let low = from
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (batches[middle]!.lastOffset >= offset) high = middle
    else low = middle + 1
  }
  return low
}
