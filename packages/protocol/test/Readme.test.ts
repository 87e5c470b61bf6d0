import { expect, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

it("the README's example runs and prints what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!
  const flags = ["--conditions=tusk-source", "--input-type=module-typescript"]
  const output = execFileSync(process.execPath, [...flags, "-e", code], { cwd: import.meta.dirname }).toString()
  const lines = output.trim().split("\n")
  expect(lines[0]).toBe("readme orders")
  expect(lines[1]).toBe("Heartbeat request v4")
  expect(output).toContain('groupId: "orders"')
  expect(lines.at(-1)).toMatch(/groupInstanceId +string . null/)
})
