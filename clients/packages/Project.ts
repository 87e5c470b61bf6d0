/** A project of somebody's, in a folder of its own, and what npm puts into it. */
import {
  chmodSync,
  lstatSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  closeSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import process from "node:process"
import { runOk } from "../../bench/kafka/Program.ts"

export interface Size {
  /** Of the files' contents. */
  readonly bytes: number
  /** In blocks of 4 KiB, as most file systems keep them. */
  readonly onDisk: number
}

const BLOCK = 4096

export const sizeOf = (folder: string): Size => {
  let bytes = 0
  let onDisk = 0
  for (const path of globSync("**/*", { cwd: folder })) {
    const stat = lstatSync(join(folder, path))
    if (!stat.isFile()) continue
    bytes += stat.size
    onDisk += Math.ceil(stat.size / BLOCK) * BLOCK
  }
  return { bytes, onDisk }
}

/** Without what `npm run` tells its programs, and with another Node before all others. */
export const plainEnvironment = (node: string): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|INIT_CWD$|TUSK_)/i.test(name))
  const path = `${dirname(node)}${delimiter}${process.env["PATH"]}`
  return { ...Object.fromEntries(own), PATH: path, KAFKAJS_NO_PARTITIONER_WARNING: "1" }
}

export class Project {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "tusk-project-")))
  /** A cache of npm that holds nothing yet. */
  readonly cache = join(this.folder, ".npm")
  readonly #node: string

  constructor(npmrc: string, node: string, manifest: object = {}) {
    this.#node = node
    // Who runs as root has a Postgres that runs as another account, which has to get in.
    chmodSync(this.folder, 0o755)
    this.write("package.json", JSON.stringify({ name: "app", private: true, type: "module", ...manifest }))
    this.write(".npmrc", `${npmrc}audit=false\nfund=false\nupdate-notifier=false\n`)
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...plainEnvironment(this.#node), npm_config_cache: this.cache }
  }

  write(path: string, text: string): string {
    const file = join(this.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  /** Milliseconds that it takes. */
  async install(...args: ReadonlyArray<string>): Promise<number> {
    const begun = performance.now()
    const spawn = { cwd: this.folder, env: this.environment }
    await runOk("npm", ["install", ...args], { spawn, timeoutMs: 300_000 })
    return performance.now() - begun
  }

  size(path = "node_modules"): Size {
    return sizeOf(join(this.folder, path))
  }

  /** Versions of each copy of a package below `node_modules`. */
  copies(name: string): ReadonlyArray<string> {
    return globSync([`node_modules/${name}/package.json`, `node_modules/**/node_modules/${name}/package.json`], {
      cwd: this.folder
    }).map((path) => {
      const { version } = JSON.parse(readFileSync(join(this.folder, path), "utf8")) as { readonly version: string }
      return `${dirname(path)} ${version}`
    })
  }

  /** Bytes of the tarballs that npm has fetched into its cache: what it keeps compressed. */
  fetched(): number {
    let bytes = 0
    for (const path of globSync("_cacache/content-v2/**/*", { cwd: this.cache })) {
      const file = join(this.cache, path)
      if (!lstatSync(file).isFile()) continue
      const head = Buffer.alloc(2)
      const opened = openSync(file, "r")
      readSync(opened, head, 0, 2, 0)
      closeSync(opened)
      if (head[0] === 0x1f && head[1] === 0x8b) bytes += lstatSync(file).size
    }
    return bytes
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
