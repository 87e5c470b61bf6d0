/** versitygw, a real server of S3 over a folder: built once, a process of its own. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tail, terminate } from "../../bench/kafka/Program.ts"
import { freePort } from "../../bench/kafka/Broker.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { missing, prepareGo } from "../Preparing.ts"

export const BUCKET = "tusk"
export const KEY = { id: "tusk-key", secret: "a secret of tests" }

/** The program; a string that says why it is not there. */
export const prepareVersitygw = async (): Promise<{ readonly file: string } | string> => {
  const absent = await missing("go", "version")
  return absent ?? { file: await prepareGo("objects/versitygw", "github.com/versity/versitygw/cmd/versitygw") }
}

export class Versitygw {
  readonly port: number
  readonly folder: string
  readonly #file: string
  #child: ChildProcess | undefined
  #said = ""

  private constructor(file: string, port: number) {
    this.#file = file
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), "tusk-versitygw-"))
    for (const name of ["data", "data/tusk", "about"]) mkdirSync(join(this.folder, name))
  }

  /** A server with an empty bucket. */
  static async start(file: string): Promise<Versitygw> {
    const server = new Versitygw(file, await freePort())
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const place = [
      "--access",
      KEY.id,
      "--secret",
      KEY.secret,
      "--port",
      `127.0.0.1:${this.port}`,
      "--health",
      "/health"
    ]
    // Beside the data, as not every folder for temporary files takes attributes.
    const folders = ["posix", "--sidecar", join(this.folder, "about"), join(this.folder, "data")]
    const child = spawn(this.#file, [...place, "--quiet", ...folders], { stdio: ["ignore", "pipe", "pipe"] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.#said = (this.#said + text).slice(-20_000)))
    }
    const answers = async () => {
      if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}: ${tail(this.#said)}`)
      return (await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => undefined))?.ok === true
    }
    if (!(await holdsWithin(20_000, answers))) throw new Error(`versitygw does not answer: ${tail(this.#said)}`)
  }

  /** What a broker is given; `port` of a proxy before it. */
  url(prefix: string, port = this.port): string {
    return `s3://${BUCKET}/${prefix}?endpoint=http://127.0.0.1:${port}&region=us-east-1`
  }

  async kill(): Promise<void> {
    if (this.#child !== undefined) await terminate(this.#child, 0)
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await terminate(this.#child, 3000)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
