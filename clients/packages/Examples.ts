/** Examples of the READMEs as files of a project, and what becomes of them when they run. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, runOk, tail, terminate } from "../../bench/kafka/Program.ts"
import type { Project } from "./Project.ts"
import { programOf } from "./Tools.ts"
import type { Runtime } from "./Tools.ts"

export interface Example {
  /** Without `.ts`. */
  readonly name: string
  /** Where it stands. */
  readonly page: string
  /** What only this example of the page says. */
  readonly says: string
  /** What it prints: it may then be ended. Undefined: it ends by itself with 0. */
  readonly prints: RegExp
  readonly goesOn?: boolean
  /** It is checked, not run: it needs a database. */
  readonly typesOnly?: boolean
}

export const examples: ReadonlyArray<Example> = [
  { name: "test", page: "README.md", says: "Tusk.start", prints: /^/ },
  { name: "app", page: "README.md", says: "Tusk.layerMemory()", prints: /Kafka at 127\.0\.0\.1:\d+/, goesOn: true },
  { name: "sql", page: "README.md", says: "Kafka.produce", prints: /^/, typesOnly: true },
  { name: "server", page: "packages/server/README.md", says: "Tusk.start", prints: /^127\.0\.0\.1:\d+$/m },
  { name: "protocol", page: "packages/protocol/README.md", says: "encodeRequest", prints: /^readme orders$/m },
  { name: "storage", page: "packages/storage/README.md", says: "MemoryStore", prints: /^/ },
  { name: "embedded", page: "packages/test/README.md", says: `storage: "embedded"`, prints: /^/ }
]

/** Writes each example as it stands in its page. */
export const writeExamples = (project: Project): void => {
  for (const { name, page, says } of examples) {
    const blocks = readFileSync(join(repository, page), "utf8").matchAll(/```ts\n(.*?)```/gs)
    const code = Array.from(blocks, ([, block]) => block!).find(
      (block) => block.includes(says) && block.includes("import ")
    )
    if (code === undefined) throw new Error(`${page} has no example that says ${says}`)
    project.write(`${name}.ts`, code)
  }
}

/** For a runtime that does not read them as they stand; `others` are compiled with them. */
export const compileExamples = async (
  project: Project,
  node: string,
  ...others: ReadonlyArray<string>
): Promise<void> => {
  const options = ["--target", "es2022", "--module", "nodenext", "--outDir", "compiled", "--skipLibCheck"]
  const files = [...examples.map(({ name }) => `${name}.ts`), ...others]
  await runOk(node, [...programOf("typescript5"), ...options, ...files], { spawn: { cwd: project.folder } })
}

/** Until it has printed what it should, and is then ended. */
const untilPrinted = ({ prints }: Example, program: string, args: ReadonlyArray<string>, project: Project) =>
  new Promise<void>((resolve, reject) => {
    const { environment: env, folder: cwd } = project
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    const timer = setTimeout(() => end(new Error(`it prints nothing in 60 s: ${tail(text)}`)), 60_000)
    const end = (error?: Error) => {
      clearTimeout(timer)
      void terminate(child, 5000).then(() => (error === undefined ? resolve() : reject(error)))
    }
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      if (prints.test(text)) end()
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    child.once("error", end)
    child.once("exit", (code) => end(prints.test(text) ? undefined : new Error(`it ended with ${code}: ${tail(text)}`)))
  })

/** Runs an example; milliseconds from the start of the process to what it prints, or to its end. */
export const runExample = async (
  example: Example,
  runtime: Runtime,
  project: Project,
  file: string = runtime.readsTypeScript ? `${example.name}.ts` : join("compiled", `${example.name}.js`)
): Promise<number> => {
  const args = [...runtime.args, file]
  const begun = performance.now()
  if (example.goesOn === true) {
    await untilPrinted(example, runtime.program, args, project)
    return performance.now() - begun
  }
  const spawn = { cwd: project.folder, env: project.environment }
  const { code, stderr, stdout } = await run(runtime.program, args, { spawn, timeoutMs: 90_000 })
  if (code !== 0) throw new Error(`it ended with ${code}: ${tail(stderr)}`)
  if (!example.prints.test(stdout)) throw new Error(`it printed ${JSON.stringify(stdout)}`)
  return performance.now() - begun
}
