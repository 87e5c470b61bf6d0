import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"
import { run } from "../../bench/kafka/Program.ts"
import type { ImageConfig } from "./Buildah.ts"

/** A container's process: the image's files as its root, a process number of 1, the image's user, and this machine's network. */
export class Container {
  readonly #child: ChildProcess
  readonly #root: string
  readonly #config: ImageConfig
  readonly #env: Readonly<Record<string, string>>
  readonly ended: Promise<number | null>
  #output = ""

  /** `binds`: folders of this machine, and where they are seen. */
  constructor(
    root: string,
    config: ImageConfig,
    env: Readonly<Record<string, string>>,
    binds: ReadonlyArray<readonly [from: string, to: string]> = []
  ) {
    this.#root = root
    this.#config = config
    this.#env = env
    const mounts = binds.map(([from, to]) => `mkdir -p '${root}${to}' && mount --bind '${from}' '${root}${to}'`)
    const script = [...mounts, `mount -t proc proc '${root}/proc'`, 'exec "$@"'].join(" && ")
    const command = this.#inside([...config.Entrypoint, ...config.Cmd])
    const namespaces = ["--pid", "--mount", "--fork", "--kill-child", "--propagation=private"]
    this.#child = spawn("unshare", [...namespaces, "sh", "-c", script, "sh", ...command], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.ended = new Promise((resolve) => this.#child.once("exit", (code) => resolve(code)))
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on("data", (chunk: Buffer) => (this.#output += chunk.toString()))
    }
  }

  /** As Docker runs a command: the image's user, folder and variables, and no others. */
  #inside(command: ReadonlyArray<string>): ReadonlyArray<string> {
    const { Env, User, WorkingDir } = this.#config
    const variables = [...Env, ...Object.entries(this.#env).map(([name, value]) => `${name}=${value}`)]
    return ["chroot", `--userspec=${User}:${User}`, this.#root, "env", "-i", "-C", WorkingDir, ...variables, ...command]
  }

  get output(): string {
    return this.#output
  }

  /** What it prints, behind the given character; rejects if it ends instead. */
  printed(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(this.#output.slice(from))
        if (found !== null) resolve(found)
      }
      this.#child.stdout!.on("data", look)
      this.#child.stderr!.on("data", look)
      void this.ended.then((code) => reject(new Error(`the container ended with ${code}:\n${this.#output}`)))
      look()
    })
  }

  /** The image's own check, with its exit code. */
  async health(): Promise<number | null> {
    const [kind, ...command] = this.#config.Healthcheck?.Test ?? []
    if (kind !== "CMD") throw new Error("the image has no HEALTHCHECK of the form CMD")
    const [file, ...args] = this.#inside(command)
    return (await run(file!, args)).code
  }

  /** The process that has number 1 in the container, by its number out here. */
  get init(): number {
    return childrenOf(this.#child.pid!)[0]!
  }

  /** Processes below it that have ended and that nobody has asked about. */
  get zombies(): ReadonlyArray<string> {
    const stats = childrenOf(this.init).map((pid) => readFileSync(`/proc/${pid}/stat`, "latin1"))
    return stats.filter((stat) => /^.*\) Z/s.test(stat))
  }

  async stop(): Promise<number | null> {
    process.kill(this.init, this.#config.StopSignal as NodeJS.Signals)
    return this.ended
  }

  kill(): void {
    this.#child.kill("SIGKILL")
  }
}

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
