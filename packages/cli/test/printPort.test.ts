import { expect, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"

const launcher = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))

it("--print-port: stdout has the port alone, once it serves", async () => {
  const args = ["start", "--storage", "memory", "--listen", "127.0.0.1:0", "--print-port", "--admin", "off"]
  const child = spawn(process.execPath, ["--conditions=tusk-source", launcher, ...args])
  const text = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => (text[name] += chunk))
  }
  await once(child.stdout, "data")
  expect(text.stdout).toMatch(/^\d+\n$/)
  const socket = connect(Number(text.stdout), "127.0.0.1")
  await once(socket, "connect")
  socket.destroy()
  child.kill("SIGTERM")
  expect(await once(child, "close")).toEqual([0, null])
  expect(text.stdout).toMatch(/^\d+\n$/)
  expect(text.stderr).toContain(`listens on 127.0.0.1:${text.stdout.trim()}`)
  expect(text.stderr).toContain("Stopping.")
})
