/** What npm would publish, made in a copy of the checkout, so that nothing built lies in the checkout itself. */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { ROOT } from "./Sources.ts"

/** A file of a package, by its path in there. */
export interface Packed {
  readonly path: string
  readonly size: number
}

/** A tarball, or what would lie in it. */
export interface Tarball {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly shasum: string
  readonly integrity: string
  /** Bytes of the tarball, and of the files in it. */
  readonly size: number
  readonly unpackedSize: number
  readonly files: ReadonlyArray<Packed>
}

const apart = new Set(["node_modules", "dist", ".cache", ".git", "tusk-data", "target"])

const link = (from: string, to: string, without: string): void => {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) if (name !== without) symlinkSync(join(from, name), join(to, name))
}

export class Built {
  /** The copy. */
  readonly folder = mkdtempSync(join(tmpdir(), "tusk-packages-"))

  constructor() {
    for (const name of ["packages", "house", "LICENSE", "README.md", "package.json", "tsconfig.base.json"]) {
      const skips = (path: string) =>
        path
          .slice(ROOT.length)
          .split(/[\\/]/)
          .some((part) => apart.has(part))
      cpSync(join(ROOT, name), join(this.folder, name), { recursive: true, filter: (path) => !skips(path) })
    }
    // What is installed is that of the checkout, but its packages are those of the copy.
    link(join(ROOT, "node_modules"), join(this.folder, "node_modules"), "@tusk")
    link(join(this.folder, "packages"), join(this.folder, "node_modules", "@tusk"), "")
  }

  /** As `prepack` does. */
  build(): void {
    const { status } = spawnSync(process.execPath, [join(this.folder, "house", "build.ts")], { stdio: "inherit" })
    if (status !== 0) throw new Error("the packages cannot be built")
  }

  /** What `npm pack` puts into a tarball of a package, once it is built. */
  list(name: string): Tarball {
    return this.#pack(name, ["--dry-run", "--ignore-scripts"])
  }

  /** A tarball of a package in the folder `to`. */
  pack(name: string, to: string): Tarball {
    return this.#pack(name, ["--pack-destination", to])
  }

  #pack(name: string, options: ReadonlyArray<string>): Tarball {
    const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"]}` }
    const { status, stderr, stdout } = spawnSync("npm", ["pack", "--json", ...options], {
      cwd: join(this.folder, "packages", name),
      env,
      encoding: "utf8",
      shell: process.platform === "win32"
    })
    if (status !== 0) throw new Error(`npm pack of ${name}: ${stderr}`)
    // npm 11 gives a list, npm 12 an object by name.
    const [tarball] = Object.values(JSON.parse(stdout) as Readonly<Record<string, Tarball>>)
    return tarball!
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
