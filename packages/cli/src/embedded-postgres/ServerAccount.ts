import { execFileSync } from "node:child_process"
import { statSync } from "node:fs"
import { dirname } from "node:path"
import { CliError } from "../CliError.ts"

/** The account that Postgres runs as: it refuses to run as root. */
export interface ServerAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Undefined: Postgres runs as the user who runs Tusk. For root: an account that is there, as an id without one will not do. */
export const serverAccount = (): ServerAccount | undefined | CliError => {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }))
      return { name, uid: id("-u"), gid: id("-g") }
    } catch {
      // Not on this machine: try the next.
    }
  }
  return new CliError({
    message:
      "Postgres does not run as root, and there is neither an account postgres nor nobody: run Tusk as another user"
  })
}

/** Whether the account may enter every folder down to this one. */
export const isReachable = (folder: string, account: ServerAccount): boolean => {
  for (let each = folder; ; each = dirname(each)) {
    const { gid, mode, uid } = statSync(each)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (dirname(each) === each) return true
  }
}
