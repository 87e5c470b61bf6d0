/** Examples as the compilers see them: strict, in each way of finding modules, libraries looked into, CommonJS too. */
import { run } from "../../bench/kafka/Program.ts"
import { examples } from "./Examples.ts"
import type { Project } from "./Project.ts"
import { programOf } from "./Tools.ts"

/** What CommonJS takes of the packages: runs where Node can require ESM, and prints its port. */
const COMMON_JS = `import server = require("@tusk/server/Tusk")
import testing = require("@tusk/test")

const start = async (): Promise<void> => {
  for (const started of [server.Tusk.start(), testing.Tusk.start({ storage: "memory" })]) {
    const broker = await started
    console.log(broker.port)
    await broker.stop()
  }
}
void start()
`

/** The example for CommonJS, which is compiled for all runtimes. */
export const commonJs = "common.cts"

const RESOLUTIONS = [
  { module: "node16", moduleResolution: "node16", requires: false },
  { module: "nodenext", moduleResolution: "nodenext", requires: true },
  { module: "esnext", moduleResolution: "bundler", requires: false }
]

export const writeConfigs = (project: Project): void => {
  project.write(commonJs, COMMON_JS)
  for (const { module, moduleResolution, requires } of RESOLUTIONS) {
    const files = [...examples.map(({ name }) => `${name}.ts`), ...(requires ? [commonJs] : [])]
    const compilerOptions = {
      module,
      moduleResolution,
      target: "esnext",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ["node"],
      noEmit: true
    }
    project.write(`tsconfig.${moduleResolution}.json`, JSON.stringify({ compilerOptions, files }))
  }
}

/** What is checked: a name, and what is wrong or nothing. */
export const checkTypes = async (
  project: Project,
  node: string,
  told: (name: string, wrong: string | undefined) => void
): Promise<void> => {
  for (const compiler of ["typescript5", "typescript7"] as const) {
    for (const { moduleResolution, requires } of RESOLUTIONS) {
      const args = [...programOf(compiler), "-p", `tsconfig.${moduleResolution}.json`]
      const { code, stdout } = await run(node, args, { spawn: { cwd: project.folder } })
      const name = compiler === "typescript5" ? "TypeScript 5.9" : "TypeScript 7"
      told(`${name}, ${moduleResolution}${requires ? ", CommonJS" : ""}`, code === 0 ? undefined : stdout)
    }
  }
}
