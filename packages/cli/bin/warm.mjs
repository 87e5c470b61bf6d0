// Run once after installing: loads what a start loads, so that the first start finds its code compiled. Never fails.
import module from "node:module"
import { compileCacheFolder } from "./compile-cache.mjs"

try {
  module.enableCompileCache(compileCacheFolder())
  const { Tusk } = await import("../../server/src/Tusk.ts")
  await Promise.all([
    import("../src/main.ts"),
    import("../src/commands/Start.ts"),
    import("../src/commands/Tree.ts"),
    import("../src/embedded-postgres/EmbeddedPostgres.ts"),
    import("../../storage/src/pg/PgStore.ts")
  ])
  const broker = await Tusk.start()
  await broker.stop()
  module.flushCompileCache()
} catch {
  // An older Node, or no permission to write: the first start is a little slower.
}
process.exit(0)
