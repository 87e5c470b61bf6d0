/**
 * A file that a comment or a page names is there: by its path from the root or from the citing file, by its last parts, by
 * its package (`storage/port/Store.ts` is of `packages/storage/src`), or as a module of ours (`@tusk/storage/port/Store`). A
 * comment that names a repository on GitHub may name files of it. What goes on behind a dot is a setting (`tusk.sql.records`).
 */
import { posix } from "node:path"
import type { House } from "../Sources.ts"

const fileName =
  /(?<![\w./@$*{}<>-])(?:\.{0,2}\/)?[\w.-]+(?:\/[\w.-]+)*\.(?:ts|mts|mjs|md|sql|json|sh)\b(?![\w/*]|\.\w)/g

export const citedAndMissing = ({ files, pages, sources }: House): ReadonlySet<string> => {
  const known = (from: string, cited: string): boolean => {
    if (files.has(cited) || files.has(posix.join(posix.dirname(from), cited))) return true
    if (files.has(cited.replace(/^(\w+)\//, "packages/$1/src/"))) return true
    for (const path of files) if (path.endsWith(`/${cited}`) || path.endsWith(`/${cited}.gz`)) return true
    return false
  }
  const missing = new Set<string>()
  const look = (from: string, text: string) => {
    if (text.includes("github.com/")) return
    for (const [cited] of text.matchAll(fileName)) if (!known(from, cited)) missing.add(`${from} ${cited}`)
    for (const [cited, room, path] of text.matchAll(/@tusk\/(\w+)\/([\w/-]+)/g)) {
      if (!files.has(`packages/${room}/src/${path}.ts`)) missing.add(`${from} ${cited}`)
    }
  }
  for (const { comments, path } of sources) for (const { text } of comments) look(path, text)
  for (const [path, text] of pages) look(path, text)
  return missing
}
