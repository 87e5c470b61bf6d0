import { readFileSync } from "node:fs"

/** The version of this package. */
export const versionText = (): string => {
  const file = new URL("../../package.json", import.meta.url)
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version
}

/** `tusk --version`. */
export const version = (): undefined => {
  process.stdout.write(`tusk ${versionText()}\n`)
  return undefined
}
