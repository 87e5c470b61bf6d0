import { defineConfig } from "vitest/config"

// For the checkout alone: there the packages' exports name their sources by this condition. Installed ones need none of it.
const conditions = ["tusk-source", "node", "import", "module", "default"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ["*.test.ts"], execArgv: ["--conditions=tusk-source"] }
})
