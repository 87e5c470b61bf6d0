/**
 * The packages as a user meets them: `npm run test:packages [-- --only pack,library,examples,types,command] [--effect VERSION]`. Packs them in a copy
 * of the checkout, serves them from a registry on this machine, installs them into empty folders, and runs the examples of
 * the READMEs there with each runtime. Prints figures and a line for each check; ends with 1 where one failed.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { run } from "../../bench/kafka/Program.ts"
import { Built } from "../../house/Built.ts"
import { workspaces } from "../../house/build.ts"
import { reason } from "../Preparing.ts"
import { runCommand } from "./Command.ts"
import { compileExamples, examples, runExample, writeExamples } from "./Examples.ts"
import { plainEnvironment, Project } from "./Project.ts"
import { startRegistry } from "./Registry.ts"
import type { Published } from "./Registry.ts"
import { prepareTools, programOf, runtimes } from "./Tools.ts"
import { checkTypes, commonJs, writeConfigs } from "./Types.ts"

const PARTS = ["pack", "library", "examples", "types", "command"]

/** What the library may add to an app that has effect already, in MB on disk; effect is larger than both. And all of it, to fetch. */
const BESIDE_EFFECT_MB = 25
const FETCHED_MB = 45

const { values } = parseArgs({
  options: { only: { type: "string", default: PARTS.join(",") }, effect: { type: "string", default: "4.1.0" } }
})
const effectOfApp = `effect@${values.effect}`
const parts = new Set(values.only.split(","))
for (const part of parts) if (!PARTS.includes(part)) throw new Error(`--only ${part}: one of ${PARTS.join(", ")}`)

let failures = 0
const told = (name: string, wrong?: string): void => {
  if (wrong !== undefined) failures += 1
  console.log(`${wrong === undefined ? "pass" : "FAIL"}  ${name}${wrong === undefined ? "" : `: ${wrong.trim()}`}`)
}
const figure = (name: string, value: string): void => console.log(`      ${name}: ${value}`)
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** A check that fails by throwing. */
const attempt = async (name: string, check: () => Promise<string | undefined>): Promise<void> => {
  try {
    const said = await check()
    told(said === undefined ? name : `${name}, ${said}`)
  } catch (error) {
    told(name, reason(error))
  }
}

const lintTarballs = async (published: ReadonlyMap<string, Published>, folder: string): Promise<void> => {
  for (const [name, { tarball }] of published) {
    figure(name, `${mb(tarball.size)} packed, ${mb(tarball.unpackedSize)} unpacked, ${tarball.files.length} files`)
    for (const [checker, ...options] of [
      ["publint", "--strict"],
      ["attw", "--profile", "esm-only"]
    ] as const) {
      const args = [...programOf(checker), join(folder, tarball.filename), ...options]
      const env = plainEnvironment(process.execPath)
      const { code, stderr, stdout } = await run(process.execPath, args, { spawn: { env } })
      told(`${name}, ${checker}`, code === 0 ? undefined : `${stdout}${stderr}`)
    }
  }
}

/** A project that has effect of its own, and the library beside it. */
const measureLibrary = async (npmrc: string): Promise<void> => {
  using project = new Project(npmrc, process.execPath)
  await project.install("--save-exact", effectOfApp)
  const effect = project.size()
  const fetchedEffect = project.fetched()
  const ms = await project.install("@tusk/server", "effect")
  const all = project.size()
  const beside = all.onDisk - effect.onDisk
  figure("npm install @tusk/server, beside effect", seconds(ms))
  figure("effect alone", `${mb(effect.bytes)}, on disk ${mb(effect.onDisk)}; fetched ${mb(fetchedEffect)}`)
  figure("with @tusk/server", `${mb(all.bytes)}, on disk ${mb(all.onDisk)}; fetched ${mb(project.fetched())}`)
  told(
    `the library adds ${mb(beside)} on disk, at most ${BESIDE_EFFECT_MB} MB`,
    beside > BESIDE_EFFECT_MB * 1e6 ? "too much" : undefined
  )
  told(
    `all of it is fetched as ${mb(project.fetched())}, at most ${FETCHED_MB} MB`,
    project.fetched() > FETCHED_MB * 1e6 ? "too much" : undefined
  )
  await project.install("--save-dev", "@tusk/test")
  const copies = project.copies("effect")
  told("one copy of effect beside an app's own", copies.length === 1 ? undefined : copies.join(", "))
}

const tryExamples = async (npmrc: string): Promise<void> => {
  using project = new Project(npmrc, process.execPath)
  const begun = performance.now()
  await project.install(effectOfApp, "@tusk/server", "@tusk/protocol", "@tusk/storage", "kafkajs@2.2.4")
  await project.install("--save-dev", "@tusk/test", "@types/node@26.6.6")
  figure("installed in an empty folder, all packages and kafkajs", seconds(performance.now() - begun))
  writeExamples(project)
  writeConfigs(project)
  if (parts.has("types")) await checkTypes(project, process.execPath, told)
  if (!parts.has("examples")) return
  await compileExamples(project, process.execPath, commonJs)
  for (const runtime of runtimes()) {
    for (const example of examples.filter(({ typesOnly }) => typesOnly !== true)) {
      const what = example.goesOn === true ? "start-up" : "start to end"
      await attempt(
        `${runtime.name}, ${example.page}, ${example.name}`,
        async () => `${what} ${seconds(await runExample(example, runtime, project))}`
      )
    }
    await attempt(`${runtime.name}, CommonJS`, async () => {
      const common = { name: "common", page: "", says: "", prints: /^\d+\n\d+\n$/ }
      return `start to end ${seconds(await runExample(common, runtime, project, "compiled/common.cjs"))}`
    })
  }
}

await prepareTools()
using built = new Built()
const tarballs = join(built.folder, "tarballs")
mkdirSync(tarballs)
const published = new Map<string, Published>()
for (const workspace of workspaces()) {
  published.set(workspace.manifest.name, { workspace, tarball: built.pack(workspace.name, tarballs) })
}
if (parts.has("pack")) await lintTarballs(published, tarballs)
await using registry = await startRegistry(tarballs, published)
if (parts.has("library")) await measureLibrary(registry.npmrc)
if (parts.has("examples") || parts.has("types")) await tryExamples(registry.npmrc)
if (parts.has("command")) {
  for (const [runtime, scripts] of runtimes().flatMap((each) =>
    each.isNode ? [[each, false] as const, ...(each.name === "Node 26" ? [[each, true] as const] : [])] : []
  )) {
    await attempt(
      `${runtime.name}, npx @tusk/cli start, ${scripts ? "" : "no "}install scripts`,
      async () => `from nothing to a topic ${seconds(await runCommand(registry.npmrc, runtime, scripts))}`
    )
  }
}
console.log(failures === 0 ? "all packages pass" : `${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1
