import { packageVersion } from "../packageVersion.ts"

/** `tusk --version`. */
export const version = (): undefined => {
  process.stdout.write(`tusk ${packageVersion()}\n`)
  return undefined
}
