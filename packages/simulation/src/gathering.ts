/** What is read of each partition up to its end: values by their offsets, and where the log leaps. */
export const gathering = (ends: ReadonlyMap<number, number>) => {
  const readings = new Map(
    Array.from(ends, ([partition, end]) => [
      partition,
      { end, records: new Map<number, string>(), leaps: new Array<readonly [number, number]>() }
    ])
  )
  const sink = {
    record: (partition: number, offset: number, value: string) =>
      void readings.get(partition)!.records.set(offset, value),
    leap: (partition: number, first: number, last: number) => void readings.get(partition)!.leaps.push([first, last])
  }
  return { readings, sink }
}
