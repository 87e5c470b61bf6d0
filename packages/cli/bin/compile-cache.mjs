import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** Where compiled code is kept: in a checkout beside what is installed, else with the system's temporary files. */
export const compileCacheFolder = () => {
  const installed = fileURLToPath(new URL("../../../node_modules", import.meta.url))
  return (
    process.env.TUSK_COMPILE_CACHE ??
    join(existsSync(installed) ? join(installed, ".cache") : tmpdir(), "tusk-compiled")
  )
}
