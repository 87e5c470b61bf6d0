/** As much of XML as S3's answers are made of: elements without attributes that matter, text, five entities and numbers. */

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const unescaped = (text: string): string =>
  text.includes("&")
    ? text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]{1,4}));/g, (whole, decimal, hex, name) => {
        if (name !== undefined) return ENTITIES[name as string] ?? whole
        const point = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole
      })
    : text

/** The content of each element of that name, none of which lies in another of its name. Each character is looked at once. */
export const elements = (xml: string, name: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  const [open, close] = [`<${name}>`, `</${name}>`]
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at)
    if (end < 0) break
    found.push(xml.slice(at + open.length, end))
    at = end + close.length
  }
  return found
}

/** The text of the first element of that name; undefined where there is none. */
export const textOf = (xml: string, name: string): string | undefined => {
  const [open, close] = [`<${name}>`, `</${name}>`]
  const at = xml.indexOf(open)
  const end = at < 0 ? -1 : xml.indexOf(close, at)
  return end < 0 ? undefined : unescaped(xml.slice(at + open.length, end))
}
