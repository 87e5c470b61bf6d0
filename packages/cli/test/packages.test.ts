import { spawnSync } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Built } from "../../../house/Built.ts"
import { offeredBy, withInternals, workspaces } from "../../../house/build.ts"
import type { Manifest } from "../../../house/build.ts"
import { inOrder } from "../../../house/tarballs.ts"
import { withVersion } from "../../../house/version.ts"

describe("imports of what is published", () => {
  const exports = { "./sql": {}, "./port/*": {}, "./internal/*": {}, "./*": {}, "./package.json": {} }
  const manifest: Manifest = { name: "@tusk/storage", version: "1.0.0", exports }
  const manifests = new Map([["storage", manifest]])

  it("name internals by that name, and once", () => {
    const code = `import { Log } from "@tusk/storage/log/Log"\nexport type A = import("@tusk/storage/log/Log").A`
    const written = code.replaceAll("storage/log", "storage/internal/log")
    expect(withInternals(code, manifests)).toBe(written)
    expect(withInternals(written, manifests)).toBe(written)
  })

  it("leave what is offered, and names that are no imports", () => {
    const code = `import { a } from "@tusk/storage/port/Store"\nimport("@tusk/storage/sql")\nService()("@tusk/storage/log/Log")`
    expect(withInternals(code, manifests)).toBe(code)
  })
})

describe("a release", () => {
  it("writes its version into packages and what they ask of each other, and nowhere else", () => {
    for (const { folder, manifest } of workspaces()) {
      const before = readFileSync(join(folder, "package.json"), "utf8")
      const after = JSON.parse(withVersion(before, "7.8.9")) as Manifest
      expect(after.version).toBe("7.8.9")
      const others = Object.entries(manifest.dependencies ?? {}).filter(([name]) => !name.startsWith("@tusk/"))
      const siblings = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith("@tusk/"))
      const wanted = [...others, ...siblings.map((name): [string, string] => [name, "7.8.9"])]
      expect(after.dependencies ?? {}).toEqual(Object.fromEntries(wanted))
    }
  })

  it("publishes a package behind those that it depends on", () => {
    const names = inOrder(workspaces()).map(({ name }) => name)
    expect(names).toEqual(["protocol", "client", "storage", "coordinator", "server", "cli", "test"])
  })
})

/** Every file that a package may hold. */
const MAY_HOLD = /^(package\.json|README\.md|LICENSE|dist\/.+\.(js|js\.map|d\.ts)|src\/.+\.(ts|sql)|bin\/[\w-]+\.mjs)$/

/** Modules of packages that compiled code or declarations name. */
const importsIn = (code: string): ReadonlyArray<string> =>
  [/\bfrom "([^".][^"]*)";$/gm, /\bimport\("([^".][^"]*)"\)/g].flatMap((form) =>
    Array.from(code.matchAll(form), ([, specifier]) => specifier!)
  )

const packageOf = (specifier: string): string => /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)![0]

describe("what npm would publish", { timeout: 60_000 }, () => {
  const built = new Built()
  beforeAll(() => built.build(), 120_000)
  afterAll(() => built[Symbol.dispose]())
  const all = workspaces()

  for (const { manifest, name } of all) {
    const folder = join(built.folder, "packages", name)
    const files = (pattern: string) => globSync(pattern, { cwd: folder }).map((path) => path.replaceAll("\\", "/"))
    const imports = () =>
      new Set(files("dist/**/*.{js,d.ts}").flatMap((file) => importsIn(readFileSync(join(folder, file), "utf8"))))

    it(`${name} holds its README, the license, its code and sources, and nothing else`, () => {
      const paths = built.list(name).files.map(({ path }) => path)
      expect(paths.filter((path) => !MAY_HOLD.test(path) || path === "bin/warm.mjs")).toEqual([])
      const sources = files("src/**/*.ts")
      const code = [".js", ".d.ts"].flatMap((end) =>
        sources.map((path) => path.replace(/^src(.*)\.ts$/, `dist$1${end}`))
      )
      const wanted = ["package.json", "README.md", "LICENSE", ...Object.values(manifest.bin ?? {}), ...sources, ...code]
      expect(wanted.filter((path) => !paths.includes(path))).toEqual([])
    })

    it(`${name}: the files of its exports are there`, () => {
      const targets = Object.values(manifest.exports).flatMap(
        (entry) => Object.values(entry as object) as Array<string>
      )
      expect(targets.filter((path) => path.startsWith("./") && files(path.replace("*", "**/*")).length === 0)).toEqual(
        []
      )
    })

    it(`${name} imports only what it depends on, and of its siblings what they offer or call internal`, () => {
      const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies }
      // `testing/storeSuite` is for those who have a test runner.
      const known = [...Object.keys(dependencies), ...(name === "storage" ? ["@effect/vitest"] : [])]
      const others = [...imports()].filter((specifier) => !specifier.startsWith("node:"))
      expect(others).not.toEqual([])
      expect(others.filter((specifier) => !known.includes(packageOf(specifier)))).toEqual([])
      const refused = all.flatMap((sibling) =>
        others.filter((specifier) => {
          if (packageOf(specifier) !== sibling.manifest.name) return false
          const path = specifier.slice(sibling.manifest.name.length + 1)
          const offered = offeredBy(sibling.manifest).some(
            (one) => one === path || path.startsWith(one.replace(/\*$/, ""))
          )
          return !offered && !path.startsWith("internal/")
        })
      )
      expect(refused).toEqual([])
    })

    it(`${name}: its version is that of all, and effect is the app's own`, () => {
      const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies }
      expect(dependencies["effect"]).toMatch(/^\^4\./)
      expect("effect" in (manifest.peerDependencies ?? {})).toBe(name !== "cli")
      for (const { manifest: sibling } of all) {
        expect(sibling.version).toBe(manifest.version)
        expect([undefined, manifest.version]).toContain(dependencies[sibling.name])
      }
    })
  }

  it("runs as it is", () => {
    const code = `const { Tusk } = await import("@tusk/server/Tusk"); await using kafka = await Tusk.start(); console.log(kafka.port > 0)`
    const { stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: built.folder,
      encoding: "utf8"
    })
    expect(stdout, stderr).toBe("true\n")
  })
})
