import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CliError } from "../src/CliError.ts"
import { readStartOptions } from "../src/StartOptions.ts"

const ARGS = ["--storage", "memory"]

describe("roles of Postgres as users", () => {
  it("are refused with the embedded Postgres, by name", () => {
    const args = ["--set", "tusk.sasl.plain.verify=postgres"]
    const refused = readStartOptions(args, {})
    assert.match(
      refused instanceof CliError ? refused.message : "",
      /^tusk\.sasl\.plain\.verify=postgres: the embedded /
    )
    const served = readStartOptions([...args, "--database-url", "postgres://h/d"], {})
    assert.isFalse(served instanceof CliError)
  })
})

describe("the first administrator", () => {
  it("is read from the environment, and is a super user where there is an authorizer", () => {
    const env = { TUSK_ADMIN_USER: "root", TUSK_ADMIN_PASSWORD: "secret" }
    const plain = readStartOptions(ARGS, env)
    if (plain instanceof CliError) return assert.fail(plain.message)
    assert.deepStrictEqual(plain.users, [{ name: "root", password: "secret" }])
    assert.strictEqual(plain.settings.superUsers, "")
    const sets = ["--set", "authorizer.class.name=tusk", "--set", "super.users=User:a"]
    const guarded = readStartOptions([...ARGS, ...sets], env)
    if (guarded instanceof CliError) return assert.fail(guarded.message)
    assert.strictEqual(guarded.settings.superUsers, "User:a;User:root")
  })

  it("has a password, which a file may hold; it is not told", () => {
    const folder = mkdtempSync(join(tmpdir(), "tusk-admin-"))
    try {
      const file = join(folder, "password")
      writeFileSync(file, "secret\n")
      const options = readStartOptions(ARGS, { TUSK_ADMIN_USER: "root", TUSK_ADMIN_PASSWORD_FILE: file })
      assert.deepStrictEqual(options instanceof CliError ? options : options.users, [
        { name: "root", password: "secret" }
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
    const refused = (env: NodeJS.ProcessEnv) => {
      const options = readStartOptions(ARGS, env)
      return options instanceof CliError ? options.message : ""
    }
    assert.strictEqual(refused({ TUSK_ADMIN_USER: "root" }), "TUSK_ADMIN_USER is given without TUSK_ADMIN_PASSWORD")
    assert.strictEqual(
      refused({ TUSK_ADMIN_PASSWORD: "secret" }),
      "TUSK_ADMIN_PASSWORD is given without TUSK_ADMIN_USER"
    )
  })
})
