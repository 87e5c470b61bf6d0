import { readFileSync, statSync } from "node:fs"
import { platform } from "node:os"
import { refuse } from "./databaseUrl.ts"

/** Where a password is asked for. */
export interface PasswordPlace {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** Fields of a line; a backslash takes the meaning of the character behind it. */
const fieldsOf = (line: string): ReadonlyArray<string> => {
  const fields = [""]
  for (let i = 0; i < line.length; i++) {
    const character = line[i]!
    if (character === ":" && fields.length < 5) fields.push("")
    else fields[fields.length - 1] += character === "\\" && i + 1 < line.length ? line[++i]! : character
  }
  return fields
}

/** The first line that names the place, as in libpq: `host:port:database:user:password`, `*` for any. */
export const findPassword = (text: string, place: PasswordPlace): string | undefined => {
  const wanted = [place.host, String(place.port), place.database, place.user]
  for (const line of text.split(/\r?\n/)) {
    if (line === "" || line.startsWith("#")) continue
    const fields = fieldsOf(line)
    if (fields.length === 5 && wanted.every((value, i) => fields[i] === "*" || fields[i] === value)) return fields[4]
  }
  return undefined
}

/** Of a file that only its owner may read, as in libpq. `named`: the settings say that it is there. */
export const readPasswordFile = (file: string, named: boolean): string | undefined => {
  const no = (why: string): undefined => (named ? refuse(`the password file ${file} ${why}`) : undefined)
  let text: string
  let mode: number
  try {
    mode = statSync(file).mode
    text = readFileSync(file, "utf8")
  } catch (error) {
    return no(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`)
  }
  return (mode & 0o077) !== 0 && platform() !== "win32" ? no(`may be read by others: chmod 600 ${file}`) : text
}
