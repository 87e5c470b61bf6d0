import { assert, describe, it } from "@effect/vitest"
import { jsonLine, jsonText } from "../src/terminal/JsonText.ts"
import { lineBlocks } from "../src/terminal/Lines.ts"
import { progressLine } from "../src/terminal/Progress.ts"
import { tableText, tabbedText } from "../src/terminal/Table.ts"
import type { Column } from "../src/terminal/Table.ts"
import { commandLines, help } from "../src/Help.ts"
import { runCommandHere } from "./RunCommand.ts"
import { runTusk } from "./Command.ts"

describe("tables", () => {
  interface Row {
    readonly name: string | null
    readonly size: bigint
  }
  const columns: ReadonlyArray<Column<Row>> = [
    { title: "NAME", of: ({ name }) => name },
    { title: "SIZE", of: ({ size }) => size, right: true }
  ]
  const rows: ReadonlyArray<Row> = [
    { name: "a", size: 12345n },
    { name: null, size: 1n },
    { name: "with\u001b[31m\ttab\n", size: 2n }
  ]

  it("aligns, and lets nothing out that a terminal would obey", () => {
    assert.strictEqual(
      tableText(columns, rows, false),
      [
        "NAME                    SIZE",
        "a                      12345",
        "-                          1",
        "with\\u001b[31m\\ttab\\n      2",
        ""
      ].join("\n")
    )
    assert.isTrue(tableText(columns, rows, true).startsWith("\u001b[1mNAME"))
    assert.strictEqual(tableText(columns, [], false), "")
  })

  it("tabs between columns, a row a line", () => {
    assert.strictEqual(tabbedText(columns, rows.slice(0, 2)), "a\t12345\n-\t1\n")
  })

  it("JSON is exact beyond 2^53", () => {
    assert.strictEqual(jsonLine({ offset: 9007199254740993n }), '{"offset":9007199254740993}')
    assert.strictEqual(jsonText([1n]), "[\n  1\n]")
  })

  it("a bar where the end is known, a count where not, never wider than the terminal", () => {
    assert.strictEqual(progressLine("x", 1_500, 3_000, 80), `x  ${"█".repeat(12)}${"░".repeat(12)}  50%  1,500`)
    assert.strictEqual(progressLine("x", 1_500, undefined, 80), "x  1,500")
    assert.strictEqual(progressLine("x", 5, 3, 20).length, 19)
  })
})

describe("lines", () => {
  const cut = async (chunks: ReadonlyArray<string>, most?: number): Promise<ReadonlyArray<string>> => {
    async function* bytes() {
      for (const chunk of chunks) yield Buffer.from(chunk)
    }
    const lines: Array<string> = []
    for await (const block of lineBlocks(bytes(), most))
      lines.push(...block.map((line) => Buffer.from(line).toString()))
    return lines
  }

  it("are the same however they come", async () => {
    assert.deepStrictEqual(await cut(["a\nb", "c\n", "\n", "d"]), ["a", "bc", "", "d"])
    assert.deepStrictEqual(await cut(["a\r\n"]), ["a\r"])
    assert.deepStrictEqual(await cut([]), [])
  })

  it("have an end", async () => {
    await cut(["x".repeat(10), "\n"], 10)
    let refused = ""
    await cut(["x".repeat(10), "x"], 10).catch((error: Error) => (refused = error.message))
    assert.strictEqual(refused, "a line of more than 10 bytes")
  })
})

describe("help", () => {
  it("tusk --help names every command of the tree, and no other", async () => {
    const { exit, stdout } = await runCommandHere(["--completions", "bash"])
    assert.strictEqual(exit, 0)
    const listed = new Set(commandLines.map(([usage]) => usage.split(" ")[0]!))
    for (const command of listed) {
      // `start` parses its own flags, before the tree is loaded.
      if (command !== "start") assert.include(stdout, command)
      const own = command === "start" ? { exit: 0, stdout: help() } : await runCommandHere([command, "--help"])
      assert.strictEqual(own.exit, 0)
    }
    const root = await runCommandHere(["--help"])
    const inTree = [...root.stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name!)
    assert.deepStrictEqual(
      inTree.filter((name) => !listed.has(name)),
      []
    )
    assert.isAbove(inTree.length, 5)
  })

  it("every command has a description, and those with flags an example", async () => {
    for (const [command, verbs] of [
      ["topic", ["list", "describe", "create", "alter", "delete", "offsets", "delete-records"]],
      ["group", ["list", "describe", "reset-offsets", "delete", "delete-offsets"]],
      ["config", ["describe", "set", "unset"]],
      ["produce", []],
      ["consume", []]
    ] as const) {
      for (const path of verbs.length === 0 ? [[command]] : verbs.map((verb) => [command, verb])) {
        const { stdout } = await runCommandHere([...path, "--help"])
        assert.match(stdout, /^DESCRIPTION\n {2}[A-Z]/m, path.join(" "))
        assert.match(
          stdout,
          new RegExp(`EXAMPLES\\n[^]*tusk ${path.join(" ")}|\\| tusk ${path.join(" ")}`),
          path.join(" ")
        )
      }
    }
  })

  it("shells are given completions with verbs and flags", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await runCommandHere(["--completions", shell])
      for (const word of ["reset-offsets", "exit-at-end", "bootstrap-server"]) assert.include(stdout, word, shell)
    }
  })

  it("a flag that is none names the nearest, and a command without its verb its help", async () => {
    const flag = await runCommandHere(["consume", "t", "--exit-at-ned"])
    assert.strictEqual(
      flag.stderr,
      "tusk: there is no flag --exit-at-ned; did you mean --exit-at-end?\nSee tusk consume --help\n"
    )
    assert.strictEqual(flag.exit, 2)
    const verb = await runCommandHere(["topic"])
    assert.include(verb.stderr, "delete-records")
    assert.strictEqual(verb.stdout, "")
    assert.strictEqual(verb.exit, 2)
    const version = await runTusk(["topic", "--version"])
    assert.match(version.stdout, /^tusk \d/)
  })
})
