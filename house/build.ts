/**
 * Makes of each package what npm publishes: `npm run build`, and before each `npm pack`. Compiles what has changed; writes
 * `internal/` into imports of what a package does not offer, by the `exports` of its package.json; drops what has no source
 * any more; puts the license in.
 */
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A package that is published. */
export interface Workspace {
  /** Without the scope. */
  readonly name: string
  readonly folder: string
  readonly manifest: Manifest
}

const ROOT = fileURLToPath(new URL("..", import.meta.url))

export const workspaces = (): ReadonlyArray<Workspace> =>
  readdirSync(join(ROOT, "packages")).flatMap((name) => {
    const folder = join(ROOT, "packages", name)
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest
    return manifest.private === true ? [] : [{ name, folder, manifest }]
  })

/** Subpaths for everybody, `Tusk` or `port/*`. */
export const offeredBy = ({ exports }: Manifest): ReadonlyArray<string> =>
  Object.keys(exports)
    .map((key) => (key === "." ? key : key.slice(2)))
    .filter((path) => !["internal/*", "*", "package.json"].includes(path))

const isOffered = (manifest: Manifest, path: string): boolean =>
  offeredBy(manifest).some((each) => each === path || (each.endsWith("/*") && path.startsWith(each.slice(0, -1))))

const IMPORT = /((?:from|import)[ (])"@tusk\/([a-z]+)\/([^"]+)"/g

/** Compiled code or declarations, whose imports of internals say so. */
export const withInternals = (code: string, manifests: ReadonlyMap<string, Manifest>): string =>
  code.replace(IMPORT, (all, before: string, name: string, path: string) => {
    const manifest = manifests.get(name)
    if (manifest === undefined || path.startsWith("internal/") || isOffered(manifest, path)) return all
    return `${before}"@tusk/${name}/internal/${path}"`
  })

const compile = (all: ReadonlyArray<Workspace>): void => {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc")
  // What it knows of an earlier build is of no use where that is gone.
  for (const { folder } of all) {
    if (!existsSync(join(folder, "dist", ".tsbuildinfo")))
      rmSync(join(folder, "dist"), { recursive: true, force: true })
  }
  const { status } = spawnSync(process.execPath, [compiler, "-b", ...all.map(({ folder }) => folder)], {
    stdio: ["ignore", 2, 2]
  })
  if (status !== 0) throw new Error("it does not compile")
}

const finish = ({ folder }: Workspace, manifests: ReadonlyMap<string, Manifest>): void => {
  const dist = join(folder, "dist")
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const [, stem] = /^(.*?)(?:\.js|\.js\.map|\.d\.ts)$/.exec(file) ?? []
    if (stem === undefined) continue
    const path = join(dist, file)
    if (!existsSync(join(folder, "src", `${stem}.ts`))) rmSync(path)
    else if (!file.endsWith(".map")) {
      const code = readFileSync(path, "utf8")
      const written = withInternals(code, manifests)
      if (written !== code) writeFileSync(path, written)
    }
  }
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"))
}

if (import.meta.main) {
  const all = workspaces()
  compile(all)
  const manifests = new Map(all.map(({ manifest, name }) => [name, manifest]))
  for (const each of all) finish(each, manifests)
}
