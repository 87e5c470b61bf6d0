/**
 * `npm run test:kit [NAME…]`: the recipes of packages/test/README.md, each in its own test runner, in this checkout. Prints
 * what passed and failed; what this machine has no runtime for is named and skipped.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../../bench/kafka/Program.ts"
import type { Finished } from "../../bench/kafka/Program.ts"
import { here, missing, preparePython, pythonMissing, reason } from "../Preparing.ts"

interface Recipe {
  readonly name: string
  /** Makes it ready; a string says why it cannot run on this machine. */
  readonly prepare?: () => Promise<string | undefined>
  readonly command: () => readonly [file: string, args: ReadonlyArray<string>]
  /** Folder below `clients/test-kit`. */
  readonly folder: string
  /** What its runner prints when all passed; the first group is how many. */
  readonly passed: RegExp
}

const ofSource = "--conditions=tusk-source"
const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")
/** What `npx @tusk/cli` is where it is installed. */
const TUSK = `${process.execPath} ${ofSource} ${launcher}`

const installed = async (folder: string): Promise<undefined> => {
  if (existsSync(here("test-kit", folder, "node_modules"))) return undefined
  await runOk("npm", ["ci", "--no-audit", "--no-fund"], {
    spawn: { cwd: here("test-kit", folder) },
    timeoutMs: 600_000
  })
  return undefined
}

/** Jest reads JavaScript: it gets what is published. */
const built = () => runOk("npm", ["run", "--silent", "build"], { spawn: { cwd: repository }, timeoutMs: 600_000 })

const jest = (name: string, file: string): Recipe => ({
  name,
  folder: "jest",
  prepare: async () => {
    await built()
    return installed("jest")
  },
  command: () => [process.execPath, ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", file]],
  passed: /^Tests: +(\d+) passed, \1 total/m
})

const bun = () => here("test-kit", "bun", "node_modules", ".bin", "bun")
let python = ""

const recipes: ReadonlyArray<Recipe> = [
  {
    name: "vitest",
    folder: "vitest",
    command: () => [process.execPath, [join(repository, "node_modules", "vitest", "vitest.mjs"), "run"]],
    passed: /Tests +(\d+) passed \(\1\)/
  },
  {
    name: "node:test",
    folder: "node-test",
    command: () => [process.execPath, [ofSource, "--test", "orders.test.ts", "require.test.cjs"]],
    passed: /^. pass (\d+)\n. fail 0$/m
  },
  jest("jest, ESM", "esm.test.mjs"),
  jest("jest, CommonJS", "commonjs.test.cjs"),
  {
    name: "bun test",
    folder: "bun",
    prepare: async () => {
      await installed("bun")
      return missing(bun(), "--version")
    },
    command: () => [bun(), ["test", ofSource, "./orders.test.ts"]],
    passed: /^ *(\d+) pass\n *0 fail$/m
  },
  {
    name: "pytest",
    folder: "python",
    prepare: async () => {
      const lacking = await pythonMissing()
      if (lacking === undefined) python = await preparePython("test-kit/python")
      return lacking
    },
    command: () => [python, ["-m", "pytest", "-q", "-p", "no:cacheprovider"]],
    passed: /^(\d+) passed in/m
  },
  {
    name: "JUnit 5",
    folder: "java",
    prepare: () => missing("mvn", "--version"),
    command: () => ["mvn", ["-B", "-Dstyle.color=never", "test"]],
    passed: /Tests run: (\d+), Failures: 0, Errors: 0, Skipped: 0$/m
  }
]

type Outcome = readonly [kind: "passed" | "skipped" | "failed", about: string]

const plain = ({ stderr, stdout }: Finished): string =>
  // oxlint-disable-next-line no-control-regex
  `${stdout}\n${stderr}`.replaceAll(/\u001b\[[\d;]*m/g, "")

const outcomeOf = async ({ command, folder, passed, prepare }: Recipe): Promise<Outcome> => {
  try {
    const lacking = await prepare?.()
    if (lacking !== undefined) return ["skipped", lacking]
    const [file, args] = command()
    const env = { ...process.env, TUSK, NO_COLOR: "1" }
    const finished = await run(file, args, { spawn: { cwd: here("test-kit", folder), env }, timeoutMs: 600_000 })
    const text = plain(finished)
    const count = passed.exec(text)?.[1]
    if (finished.code === 0 && Number(count) > 0) return ["passed", `${count} tests`]
    console.error(text)
    return ["failed", `exit code ${finished.code}`]
  } catch (error) {
    return ["failed", reason(error)]
  }
}

const wanted = process.argv.slice(2)
let failed = 0
for (const recipe of recipes) {
  if (wanted.length > 0 && !wanted.some((name) => recipe.name.startsWith(name))) continue
  const [kind, about] = await outcomeOf(recipe)
  if (kind === "failed") failed++
  console.log(`${kind.padEnd(7)}  ${recipe.name}: ${about}`)
}
process.exitCode = failed === 0 ? 0 : 1
