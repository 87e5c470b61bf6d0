/** A line of `sasl.jaas.config`: the class of a login module, and its options. */
export interface JaasEntry {
  /** `org.apache.kafka.common.security.plain.PlainLoginModule`. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

const HEAD = /^\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b/i
const OPTION = /\s*([\w.-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s";]+))/y

/** Reads `MODULE required NAME="VALUE" …;`. Undefined: it is none; what it holds may be a secret, and is not told. */
export const parseJaas = (text: string): JaasEntry | undefined => {
  const head = HEAD.exec(text)
  if (head === null) return undefined
  const options = new Map<string, string>()
  OPTION.lastIndex = head[0].length
  let at = OPTION.lastIndex
  for (let found = OPTION.exec(text); found !== null; found = OPTION.exec(text)) {
    options.set(found[1]!, found[3] ?? found[2]!.replaceAll(/\\(.)/g, "$1"))
    at = OPTION.lastIndex
  }
  return /^\s*;\s*$/.test(text.slice(at)) ? { module: head[1]!, options } : undefined
}
