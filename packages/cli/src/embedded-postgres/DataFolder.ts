import { execFileSync } from "node:child_process"
import { accessSync, constants, existsSync, lstatSync, statSync } from "node:fs"
import { userInfo } from "node:os"
import { dirname, join } from "node:path"
import { CliError } from "../CliError.ts"
import type { ServerAccount } from "./ServerAccount.ts"

/** The system's errors for a folder, in plain words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is no folder",
  EEXIST: "it is no folder"
}

const REMEDY = "give another --data-dir, or --database-url with a Postgres of yours"

/** One line: what the file system refused, and what to do. */
export const refusedBySystem = (folder: string, error: unknown): CliError => {
  const { code, message } = error as NodeJS.ErrnoException
  return new CliError({ message: `cannot keep data in ${folder}: ${WORDS[code ?? ""] ?? message}; ${REMEDY}` })
}

const nameOf = (uid: number): string => {
  try {
    return execFileSync("id", ["-nu", String(uid)], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim()
  } catch {
    return `uid ${uid}`
  }
}

/** The nearest folder above that is there: what is missing below it will be made. */
const nearest = (folder: string): string => (existsSync(folder) ? folder : nearest(dirname(folder)))

/** Whether initdb can work: it needs an account with a name. */
const hasName = (): boolean => {
  try {
    return userInfo().username !== ""
  } catch {
    return false
  }
}

/**
 * Why a data directory will not do; asked before anything is made in it. Started by root, Postgres runs as an account of its
 * own: no other user may enter what that account keeps, and it may not enter what a user keeps.
 */
export const folderProblem = (dataDir: string, account: ServerAccount | undefined): CliError | undefined => {
  const self = process.getuid?.()
  try {
    return self === undefined ? undefined : problemFor(self, dataDir, account)
  } catch (error) {
    return refusedBySystem(dataDir, error)
  }
}

const problemFor = (self: number, dataDir: string, account: ServerAccount | undefined): CliError | undefined => {
  for (const name of ["postgres", "postgres.new", "log", "run"]) {
    const folder = join(dataDir, name)
    const found = lstatSync(folder, { throwIfNoEntry: false })
    if (found === undefined) continue
    if (!found.isDirectory()) return new CliError({ message: `${folder} is no folder; ${REMEDY}` })
    if (found.uid === self || found.uid === account?.uid) continue
    const owner = nameOf(found.uid)
    const before = account === undefined && (owner === "postgres" || owner === "nobody") ? "root" : owner
    return new CliError({
      message:
        `${folder} belongs to ${owner}, as Tusk was started by ${before} before: start it as ${before}, ` +
        `or give it away: chown -R ${account?.name ?? nameOf(self)} ${dataDir}`
    })
  }
  if (account === undefined && !existsSync(join(dataDir, "postgres", "PG_VERSION")) && !hasName()) {
    return new CliError({
      message:
        `uid ${self} has no account (no line in /etc/passwd), and Postgres asks for its name: run Tusk as an account ` +
        "that is there, or use --database-url with a Postgres of yours, or --storage memory"
    })
  }
  const place = nearest(dataDir)
  if (!statSync(place).isDirectory()) return new CliError({ message: `${place} is no folder; ${REMEDY}` })
  accessSync(place, constants.W_OK | constants.X_OK)
  return undefined
}

/** The line that says why a program of Postgres' ended: not the last one, which says how it tidied up. */
export const causeOf = (lines: ReadonlyArray<string>): string | undefined => {
  const cause = lines.find((line) => /\b(FATAL|PANIC|ERROR):|\berror: |No space left|Read-only file system/.test(line))
  return (cause ?? lines.at(-1))?.replace(/^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] /, "").trim()
}
