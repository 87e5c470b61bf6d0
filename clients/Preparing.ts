import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import process from "node:process"
import { cache, repository } from "../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../bench/kafka/Program.ts"

/** A path below `clients/`. */
export const here = (...path: ReadonlyArray<string>) => join(repository, "clients", ...path)

/** Why a program cannot run here, or undefined. */
export const missing = async (file: string, ...args: ReadonlyArray<string>): Promise<string | undefined> =>
  (await run(file, args).catch(() => undefined))?.code === 0 ? undefined : `${file} is missing`

export const reason = (error: unknown) =>
  String(error instanceof Error ? error.message : error)
    .split("\n")
    .slice(0, 3)
    .join(" ")

/** Runs `make` once for each content of `files`. */
export const once = async (name: string, files: ReadonlyArray<string>, make: () => Promise<void>): Promise<void> => {
  const stamp = join(cache, "prepared", name)
  const wanted = files.map((file) => readFileSync(here(file), "utf8")).join("\0")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  await make()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

export const pythonMissing = () => missing("python3", "-m", "venv", "--help")

/** The Python of an environment with what `requirements.txt` of that folder names. */
export const preparePython = async (folder: string): Promise<string> => {
  const venv = join(cache, folder)
  const python = join(venv, "bin", "python")
  await once(folder, [`${folder}/requirements.txt`], async () => {
    await runOk("python3", ["-m", "venv", venv])
    const options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    const requirements = here(folder, "requirements.txt")
    await runOk(python, ["-m", "pip", "install", ...options, "-r", requirements], { timeoutMs: 600_000 })
  })
  return python
}

/** The program of a folder with `go.sum` and what is to be compiled; or one that its `go.mod` names. */
export const prepareGo = async (folder: string, program = "."): Promise<string> => {
  const file = join(cache, "bin", folder)
  const sources = readdirSync(here(folder)).filter((name) => name.endsWith(".go"))
  const files = [...sources, "go.sum"].map((name) => `${folder}/${name}`)
  await once(folder, files, async () => {
    const spawn = { cwd: here(folder), env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly" } }
    await runOk("go", ["build", "-o", file, program], { spawn, timeoutMs: 600_000 })
  })
  return file
}
