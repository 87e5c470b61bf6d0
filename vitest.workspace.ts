import { defineConfig } from "vitest/config"

/** As Node resolves: "module" is for bundlers, and leads to files that Node cannot load. */
const conditions = ["tusk-source", "node", "import", "default"]

/** Rooms whose tests want a real Postgres: one server a run. */
const withPostgres = new Set(["storage"])

/** One project a package, so that `npm test -- --project protocol` runs one room. */
const room = (name: string) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name,
    root: `./packages/${name}`,
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    setupFiles: ["../protocol/test/properties.setup.ts"],
    globalSetup: withPostgres.has(name) ? ["../storage/test/postgres.setup.ts"] : [],
    execArgv: ["--conditions=tusk-source"]
  }
})

/** Rules that hold for the whole repository: lengths, arrows, circles, dead and headless things. */
const house = { test: { name: "house", root: "./house", include: ["**/*.test.ts"], testTimeout: 20_000 } }

export default defineConfig({
  test: {
    projects: [
      ...["protocol", "client", "storage", "coordinator", "server", "cli", "test", "simulation"].map(room),
      house
    ],
    passWithNoTests: false,
    // Its default leaves a core alone, which of two is half.
    maxWorkers: "100%"
  }
})
