/** Groups of an IPv6 address that stands on one side of `::`, a dotted IPv4 tail as two. */
const groupsOf = (part: string): Array<string> =>
  part === ""
    ? []
    : part.split(":").flatMap((group) => {
        const bytes = group.split(".").map(Number)
        if (bytes.length !== 4) return [group]
        const [a, b, c, d] = bytes as [number, number, number, number]
        return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
      })

/**
 * An address as ACLs compare it: IPv6 in full, as Java writes it and Kafka compares it (`0:0:0:0:0:0:0:1`), and an IPv4
 * address that comes in IPv6 (`::ffff:10.0.0.1`) as IPv4. What is no such address stays as it is.
 */
export const canonicalHost = (host: string): string => {
  if (!host.includes(":")) return host
  const [address, zone] = host.split("%") as [string, string?]
  const [before, after, more] = address.split("::") as [string, string?, string?]
  if (more !== undefined) return host
  const [left, right] = [groupsOf(before), after === undefined ? [] : groupsOf(after)]
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return host
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return host
  const numbers = groups.map((group) => Number.parseInt(group, 16))
  if (numbers.slice(0, 5).every((number) => number === 0) && numbers[5] === 0xffff) {
    return numbers
      .slice(6)
      .flatMap((number) => [number >> 8, number & 255])
      .join(".")
  }
  const full = numbers.map((number) => number.toString(16)).join(":")
  return zone === undefined ? full : `${full}%${zone}`
}
