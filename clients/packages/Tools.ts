/** Runtimes, compilers and checkers that the packages are tried with: fetched once, below `.cache/packages`. */
import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import process from "node:process"
import { cache } from "../../bench/kafka/ApacheKafka.ts"
import { runOk } from "../../bench/kafka/Program.ts"

const folder = join(cache, "packages")
const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`
const nodePackage = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
const node = (version: string) => `npm:${nodePackage}-${platform}@${version}`

/** Names here, and what npm installs by them. */
const wanted: Readonly<Record<string, string>> = {
  node22: node("22.23.3"),
  node24: node("24.21.0"),
  node26: node("26.10.0"),
  bun: "1.4.5",
  deno: "2.9.6",
  typescript5: "npm:typescript@5.9.3",
  typescript7: "npm:typescript@7.0.2",
  "@arethetypeswrong/cli": "0.18.5",
  publint: "0.3.25"
}

/** What runs a file of JavaScript or TypeScript. */
export interface Runtime {
  readonly name: string
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** It reads `await using` as it stands, and types away. */
  readonly readsTypeScript: boolean
  readonly isNode: boolean
}

const installed = (path: string): string => {
  const [found] = globSync(path, { cwd: join(folder, "node_modules") })
  if (found === undefined) throw new Error(`${path} is not for ${platform}`)
  const file = join(folder, "node_modules", found)
  chmodSync(file, 0o755)
  return file
}

const windows = process.platform === "win32" ? ".exe" : ""

const nodeOf = (version: string): Runtime => ({
  name: `Node ${version}`,
  program: installed(`node${version}/bin/node${windows}`),
  args: [],
  readsTypeScript: version !== "22",
  isNode: true
})

export const runtimes = (): ReadonlyArray<Runtime> => [
  nodeOf("22"),
  nodeOf("24"),
  nodeOf("26"),
  {
    name: "Bun",
    program: installed(`@oven/bun-*/bin/bun${windows}`),
    args: [],
    readsTypeScript: true,
    isNode: false
  },
  {
    name: "Deno",
    program: installed(`@deno/*/deno${windows}`),
    args: ["run", "--allow-all"],
    readsTypeScript: true,
    isNode: false
  }
]

/** A program that Node runs, and its arguments before others. */
export const programOf = (name: "typescript5" | "typescript7" | "attw" | "publint"): ReadonlyArray<string> => {
  const [owner, bin] = name === "attw" ? ["@arethetypeswrong/cli", "attw"] : [name, name.startsWith("t") ? "tsc" : name]
  const root = join(folder, "node_modules", owner)
  const { bin: bins } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly bin: string | Readonly<Record<string, string>>
  }
  return [join(root, typeof bins === "string" ? bins : bins[bin]!)]
}

/** Without install scripts: packages of runtimes hold the program as it is. */
export const prepareTools = async (): Promise<void> => {
  const stamp = join(folder, "package.json")
  const text = JSON.stringify({ private: true, dependencies: wanted })
  if (existsSync(join(folder, "complete")) && existsSync(stamp) && readFileSync(stamp, "utf8") === text) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(stamp, text)
  await runOk("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
    spawn: {
      cwd: folder,
      env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"]}` }
    },
    timeoutMs: 600_000
  })
  // npm writes the file anew, in its own form.
  writeFileSync(stamp, text)
  writeFileSync(join(folder, "complete"), "")
}
