import { readFileSync } from "node:fs"
import { ClientConfigError } from "./ClientConfigError.ts"

/** The one line of a file, as Docker, Kubernetes and systemd hand out secrets; blank ends of it do not count. */
export const readSecret = (file: string, origin: string): string | ClientConfigError => {
  const refuse = (why: string) => new ClientConfigError({ message: `${origin}: ${file}: ${why}` })
  let text: string
  try {
    text = readFileSync(file, "utf8").trim()
  } catch (error) {
    return refuse((error as NodeJS.ErrnoException).code ?? String(error))
  }
  if (text === "") return refuse("the file is empty")
  // What it holds is a secret: it is not told.
  if (/[\r\n\0]/.test(text)) return refuse("the file holds more than one line")
  return text
}
