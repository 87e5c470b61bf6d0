/** What a release publishes: `node house/tarballs.ts FOLDER` packs all packages, and lists them there in `order.txt`, name and file. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Built } from "./Built.ts"
import { workspaces } from "./build.ts"
import type { Workspace } from "./build.ts"

/** A package comes behind those that it depends on. */
export const inOrder = (all: ReadonlyArray<Workspace>): ReadonlyArray<Workspace> => {
  const ordered: Array<Workspace> = []
  const add = (one: Workspace): void => {
    if (ordered.includes(one)) return
    for (const each of all) if (each.manifest.name in (one.manifest.dependencies ?? {})) add(each)
    ordered.push(one)
  }
  for (const each of all) add(each)
  return ordered
}

if (import.meta.main) {
  const [, , folder] = process.argv
  if (folder === undefined) throw new Error("say the folder")
  const to = resolve(folder)
  mkdirSync(to, { recursive: true })
  using built = new Built()
  const lines = inOrder(workspaces()).map(({ manifest, name }) => `${manifest.name} ${built.pack(name, to).filename}\n`)
  writeFileSync(join(to, "order.txt"), lines.join(""))
}
