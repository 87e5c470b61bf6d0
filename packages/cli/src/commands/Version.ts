import { readFileSync } from "node:fs"

/** `tusk --version`. */
export const version = (): undefined => {
  const file = new URL("../../package.json", import.meta.url)
  const { version: text } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }
  process.stdout.write(`tusk ${text}\n`)
  return undefined
}
