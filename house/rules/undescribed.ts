/** Every folder of TypeScript in src has a row in docs/architecture.md, and every row a folder. `packages/NAME/src` is `NAME/` there. */
import { posix } from "node:path"
import type { House } from "../Sources.ts"
import { isSrc } from "../Sources.ts"

const PAGE = "docs/architecture.md"

export const undescribed = ({ pages, sources }: House): ReadonlySet<string> => {
  const page = pages.get(PAGE) ?? ""
  const rows = new Set([...page.matchAll(/^\| `([\w/-]+\/)` \|/gm)].map(([, folder]) => folder!))
  const folders = new Set(
    sources
      .filter(({ path }) => isSrc(path))
      .map(({ path }) => `${posix.dirname(path).replace(/^packages\/([^/]+)\/src/, "$1")}/`)
  )
  return new Set([
    ...[...folders].filter((folder) => !rows.has(folder)).map((folder) => `${folder} has no row`),
    ...[...rows].filter((folder) => !folders.has(folder)).map((folder) => `${folder} is not there`)
  ])
}
