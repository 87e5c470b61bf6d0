import assert from "node:assert/strict"
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run } from "../../bench/kafka/Program.ts"
import { missing, prepareGo, preparePython } from "../Preparing.ts"

/** Holds what lies in docker/ to the schemas of who reads it, and each check to something that it has to refuse. */
const scratch = mkdtempSync(join(tmpdir(), "tusk-manifests-"))
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }))

const text = (path: string) => readFileSync(join(repository, "docker", path), "utf8")

/** The file with a slip of the pen. */
const spoiled = (path: string, right: string, wrong: string): string => {
  assert.ok(text(path).includes(right), `${path} has no ${right}`)
  const file = join(scratch, path.replaceAll("/", "-"))
  writeFileSync(file, text(path).replace(right, wrong))
  return file
}

type Check = (file: string) => Promise<{ readonly code: number | null; readonly said: string }>

const checking =
  (program: string, ...args: ReadonlyArray<string>): Check =>
  async (file) => {
    const { code, stderr, stdout } = await run(program, [...args, file])
    return { code, said: `${stdout}${stderr}` }
  }

const holds = async (check: Check, path: string, right: string, wrong: string): Promise<void> => {
  const { code, said } = await check(join(repository, "docker", path))
  assert.equal(code, 0, `${path}:\n${said}`)
  assert.notEqual((await check(spoiled(path, right, wrong))).code, 0, `${path} with ${wrong} is taken`)
  console.log(`docker/${path} is right`)
}

const kubernetes = checking(await preparePython("operations"), "-m", "kubernetes_validate", "--strict")
await holds(kubernetes, "kubernetes/tusk.yaml", "failureThreshold: 120", "failuresThreshold: 120")
await holds(kubernetes, "kubernetes/tls.yaml", "stringData:", "stringsData:")

const composeReader = await prepareGo("operations")
await holds(checking(composeReader), "compose.yaml", "stop_grace_period", "stop_grace")
const over = checking(composeReader, join(repository, "docker/compose.yaml"))
await holds(over, "compose.tls.yaml", "      - admin-password", "      - the-password")
for (const [, file] of text("compose.yaml").matchAll(/^ {4}file: (.+)$/gm)) {
  assert.ok(existsSync(join(repository, "docker", file!)), `${file} of compose.yaml is missing`)
}

/** A system of its own, with the program that the unit starts. */
const systemd: Check = async (file) => {
  const root = join(scratch, "root")
  rmSync(root, { recursive: true, force: true })
  for (const folder of ["usr/bin", "etc/systemd/system", "usr/lib/systemd"])
    mkdirSync(join(root, folder), { recursive: true })
  cpSync("/lib/systemd/system", join(root, "usr/lib/systemd/system"), { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(root, "usr/bin/tusk"), "#!/bin/sh\n")
  chmodSync(join(root, "usr/bin/tusk"), 0o755)
  cpSync(file, join(root, "etc/systemd/system/tusk.service"))
  const { code, stderr } = await run("systemd-analyze", ["verify", `--root=${root}`, "--man=no", "tusk.service"])
  // It only warns of a name that it does not know. Of the system's own units some are in the way here.
  const own = stderr.split("\n").filter((line) => line.includes("tusk.service"))
  return { code: own.length > 0 ? 1 : code, said: stderr }
}

const why = await missing("systemd-analyze", "--version")
if (why === undefined) {
  await holds(systemd, "systemd/tusk.service", "ProtectSystem=", "ProtectsSystem=")
  const unit = join(repository, "docker/systemd/tusk.service")
  // Of 0 to 100, less is better: what could be done to the system by who takes the process over.
  const { code, stdout } = await run("systemd-analyze", ["security", "--offline=yes", "--threshold=20", unit])
  assert.equal(code, 0, stdout)
} else console.log(`docker/systemd/tusk.service is not looked at: ${why}`)

// Each name of ours that they use is one that Tusk reads: of a flag, of a setting, or of the first administrator.
const files = [
  "compose.yaml",
  "compose.tls.yaml",
  "kubernetes/tusk.yaml",
  "kubernetes/tls.yaml",
  "systemd/tusk.service"
]
const names = [...files, "Dockerfile"].flatMap((path) =>
  Array.from(text(path).matchAll(/\bTUSK_[A-Z_]+\b/g), ([name]) => name)
)
const program = ["--conditions=tusk-source", join(repository, "packages/cli/bin/tusk.mjs")]
const help = await run(process.execPath, [...program, "--help"])
const printed = await run(process.execPath, [...program, "config", "print"])
const read = new Set([
  ...Array.from(help.stdout.matchAll(/\[(TUSK_\w+)\]/g), ([, name]) => name!),
  ...Array.from(
    printed.stdout.matchAll(/^(?:tusk\.)?([a-z0-9.]+)=/gm),
    ([, name]) => `TUSK_${name!.toUpperCase().replaceAll(".", "_")}`
  ),
  ...["TUSK_COMPILE_CACHE", "TUSK_ADMIN_USER", "TUSK_ADMIN_PASSWORD_FILE", "TUSK_LISTENER_SECURITY_PROTOCOL_MAP"]
])
assert.deepEqual([...new Set(names.filter((name) => !read.has(name)))], [], "names that Tusk does not read")

// With TLS they say what a start takes.
const values = (path: string) =>
  Array.from(text(path).matchAll(/^ +(TUSK_\w+): (.+)$/gm), ([, name, value]) => [name!, value!] as const)
const settingsOf = (...paths: ReadonlyArray<string>) =>
  Object.fromEntries(paths.flatMap(values).filter(([name]) => !name.endsWith("_FILE") && name !== "TUSK_ADMIN_USER"))
const given = { compose: settingsOf("compose.yaml", "compose.tls.yaml"), kubernetes: settingsOf("kubernetes/tls.yaml") }
for (const [where, settings] of Object.entries(given)) {
  const env = { ...process.env, TUSK_DATABASE_URL: "postgres://tusk@db/tusk", ...settings }
  const { code, stderr } = await run(process.execPath, [...program, "config", "print"], { spawn: { env } })
  assert.equal(code, 0, `${where} with TLS: ${stderr}`)
}
console.log("what they say with TLS is taken")
