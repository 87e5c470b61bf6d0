import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { cache } from "../../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../../bench/kafka/Program.ts"

const works = async (file: string): Promise<boolean> =>
  (await run(file, ["--version"]).catch(() => undefined))?.code === 0

/** promtool from the PATH, else from Debian's package unpacked below the cache: nothing is installed. */
export const promtool = async (): Promise<string | undefined> => {
  if (await works("promtool")) return "promtool"
  const folder = join(cache, "prometheus")
  const unpacked = join(folder, "usr/bin/promtool")
  if (existsSync(unpacked)) return (await works(unpacked)) ? unpacked : undefined
  mkdirSync(folder, { recursive: true })
  const fetched = await run("apt-get", ["download", "prometheus"], { spawn: { cwd: folder } }).catch(() => undefined)
  if (fetched?.code !== 0) return undefined
  for (const deb of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
    await runOk("dpkg-deb", ["-x", join(folder, deb), folder])
  }
  return (await works(unpacked)) ? unpacked : undefined
}
