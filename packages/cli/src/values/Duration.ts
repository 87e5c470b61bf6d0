/** A time span as people write it: `PT1H30M` (ISO 8601, without months and years), `1h30m`, `500ms`. In milliseconds. */
export const parseDuration = (text: string): number | undefined => {
  const iso = /^(-?)P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text)
  if (iso !== null) {
    const [weeks, days, hours, minutes, seconds] = iso.slice(2).map((each) => Number(each ?? 0)) as [
      number,
      number,
      number,
      number,
      number
    ]
    const total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + Math.round(seconds * 1000)
    return iso[1] === "-" ? -total : total
  }
  const short = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text)
  if (short === null || text === "") return undefined
  const [days, hours, minutes, seconds, ms] = short.slice(1).map((each) => Number(each ?? 0)) as [
    number,
    number,
    number,
    number,
    number
  ]
  return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000 + ms
}
