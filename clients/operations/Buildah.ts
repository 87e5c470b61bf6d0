import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import process from "node:process"
import { cache, repository } from "../../bench/kafka/ApacheKafka.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { missing } from "../Preparing.ts"

/** What an image says of itself, as Docker writes it. */
export interface ImageConfig {
  readonly User: string
  readonly Env: ReadonlyArray<string>
  readonly Entrypoint: ReadonlyArray<string>
  readonly Cmd: ReadonlyArray<string>
  readonly WorkingDir: string
  readonly StopSignal: string
  readonly Labels: Readonly<Record<string, string>>
  readonly Healthcheck?: { readonly Test: ReadonlyArray<string> }
}

/** What the Dockerfile begins with, and what is here instead: no registry of images need be reachable. */
const BASE = "docker.io/library/node:26-slim"
const SUITE = "bookworm"

/** Why images cannot be built here, or undefined. */
export const imagesMissing = async (): Promise<string | undefined> => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "images are built by root on Linux"
  return (await missing("buildah", "--version")) ?? (await missing("debootstrap", "--version"))
}

/** Images and containers of one run, in a folder of its own. */
export class Buildah {
  readonly #folder = realpathSync(mkdtempSync(join(mkdirs(join(cache, "image")), "run-")))

  readonly #buildah = (args: ReadonlyArray<string>, cwd = repository) => {
    const storage = ["--root", join(this.#folder, "root"), "--runroot", join(this.#folder, "run")]
    const env = { ...process.env, BUILDAH_ISOLATION: "chroot" }
    return runOk("buildah", [...storage, ...args], { timeoutMs: 900_000, spawn: { cwd, env } })
  }

  /** Debian as `node:26-slim` has it, with the Node and npm of this machine. */
  async makeBase(): Promise<void> {
    const archive = join(cache, "image", `${SUITE}.tar`)
    if (!existsSync(archive)) {
      const root = join(this.#folder, "debian")
      const include = "--include=ca-certificates,libatomic1"
      await runOk("debootstrap", ["--variant=minbase", include, SUITE, root], { timeoutMs: 900_000 })
      await runOk("tar", ["--directory", root, "--create", "--file", `${archive}.new`, "."])
      await runOk("mv", [`${archive}.new`, archive])
      rmSync(root, { recursive: true })
    }
    const context = join(this.#folder, "base")
    mkdirSync(context)
    cpSync(archive, join(context, "base.tar"))
    cpSync(join(repository, "node_modules/node/bin/node"), join(context, "node"))
    const npm = realpathSync((await runOk("which", ["npm"])).stdout.trim())
    cpSync(dirname(dirname(npm)), join(context, "npm"), { recursive: true })
    const lines = [
      "FROM scratch",
      "ADD base.tar /",
      "COPY node /usr/local/bin/node",
      "COPY npm /usr/local/lib/node_modules/npm",
      "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm",
      "RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node"
    ]
    // What this machine trusts beside what Debian does, a proxy's certificate for one.
    const trusted = process.env.NODE_EXTRA_CA_CERTS
    if (trusted !== undefined) {
      cpSync(realpathSync(trusted), join(context, "trusted.pem"))
      lines.push("COPY trusted.pem /trusted.pem", "ENV NODE_EXTRA_CA_CERTS=/trusted.pem")
    }
    writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`)
    await this.#buildah(["bud", "--format", "docker", "--tag", BASE, "."], context)
  }

  /** Builds a target of `docker/Dockerfile`; how many of its steps came from the build before. */
  async build(target: string): Promise<{ readonly tag: string; readonly cached: number }> {
    const tag = `tusk:${target}`
    const options = ["--format", "docker", "--layers", "--pull-never", "--file", "docker/Dockerfile"]
    const built = await this.#buildah(["bud", ...options, "--target", target, "--tag", tag, "."])
    return { tag, cached: built.stdout.match(/^--> Using cache/gm)?.length ?? 0 }
  }

  async configOf(tag: string): Promise<ImageConfig> {
    const { stdout } = await this.#buildah(["inspect", "--type", "image", tag])
    return (JSON.parse(stdout) as { readonly Docker: { readonly config: ImageConfig } }).Docker.config
  }

  /** The files of a new container. */
  async mount(tag: string): Promise<string> {
    const container = (await this.#buildah(["from", "--pull-never", tag])).stdout.trim()
    return (await this.#buildah(["mount", container])).stdout.trim()
  }

  async remove(): Promise<void> {
    // The storage mounts its own folders.
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n")
    const own = mounts.flatMap((line) => line.split(" ")[4] ?? []).filter((path) => path.startsWith(this.#folder))
    for (const path of own.sort().reverse()) await runOk("umount", [path])
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const mkdirs = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  return folder
}
