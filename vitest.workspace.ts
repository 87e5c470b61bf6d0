import { defineConfig } from "vitest/config"

const conditions = ["tusk-source", "node", "import", "module", "default"]

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
    execArgv: ["--conditions=tusk-source"]
  }
})

export default defineConfig({
  test: {
    projects: ["protocol", "storage", "coordinator", "server", "cli", "simulation"].map(room),
    passWithNoTests: false
  }
})
