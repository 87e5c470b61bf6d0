import { assert, describe, it } from "@effect/vitest"
import { start } from "@tusk/server/testing/TestBroker"
import { execFile } from "node:child_process"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryFolder } from "./TuskProcess.ts"

const page = fileURLToPath(new URL("../../../docs/cli.md", import.meta.url))
const launcher = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))

interface Example {
  readonly command: string
  /** What it prints on standard output. */
  readonly prints: string
}

/** A command is a line behind `$ `; what follows it is what it prints. */
const examplesOf = (text: string): ReadonlyArray<Example> =>
  [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((each) => {
        const [command, ...printed] = each.split("\n")
        return { command: command!, prints: printed.join("\n") }
      })
  )

const shell = (command: string, env: NodeJS.ProcessEnv, cwd: string): Promise<string> =>
  new Promise((resolve) => {
    execFile("bash", ["-o", "pipefail", "-c", command], { env, cwd, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve(error === null ? stdout : `${stdout}${stderr}exit ${String(error.code)}`)
    )
  })

describe("docs/cli.md", () => {
  it("its examples print what it says, in their order, on a new broker", { timeout: 240_000 }, async () => {
    const examples = examplesOf(readFileSync(page, "utf8"))
    assert.isAbove(examples.length, 25)
    const folder = temporaryFolder()
    const broker = await start()
    try {
      const tusk = join(folder.path, "tusk")
      writeFileSync(tusk, `#!/bin/sh\nexec "${process.execPath}" --conditions=tusk-source "${launcher}" "$@"\n`)
      chmodSync(tusk, 0o755)
      const env = {
        ...process.env,
        PATH: `${folder.path}:${process.env.PATH}`,
        TUSK_BOOTSTRAP_SERVER: broker.bootstrapServers
      }
      for (const { command, prints } of examples) {
        assert.strictEqual(await shell(command, env, folder.path), prints, command)
      }
    } finally {
      await broker.stop()
      folder.remove()
    }
  })

  it("every command has a section", () => {
    const text = readFileSync(page, "utf8")
    for (const name of ["topic", "produce", "consume", "group", "config", "user", "acl"])
      assert.match(text, new RegExp(`^## ${name}$`, "m"))
  })
})
