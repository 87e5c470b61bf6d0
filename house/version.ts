/** `npm run set-version -- 0.2.0`: writes a version into all packages, and into what they ask of each other. */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "./Sources.ts"

/** Text of a package.json with that version; siblings are asked for exactly. */
export const withVersion = (text: string, version: string): string =>
  text
    .replace(/^( {2}"version": )"[^"]*"/m, `$1"${version}"`)
    .replace(/^( {4}"@tusk\/[a-z]+": )"\d[^"]*"/gm, `$1"${version}"`)

if (import.meta.main) {
  const [, , version = ""] = process.argv
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error("say the version, 0.2.0 or 0.2.0-rc.1")
  const packages = readdirSync(join(ROOT, "packages")).map((name) => join("packages", name, "package.json"))
  for (const path of ["package.json", ...packages].map((each) => join(ROOT, each))) {
    writeFileSync(path, withVersion(readFileSync(path, "utf8"), version))
  }
  // The lock file has them, too.
  const { status } = spawnSync("npm", ["install", "--package-lock-only", "--ignore-scripts"], {
    cwd: ROOT,
    stdio: "inherit"
  })
  process.exitCode = status ?? 1
}
