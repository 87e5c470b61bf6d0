/** A file that exports something says what it is for: at its top, or above its first or its namesake export. */
import type { House, Node, Source } from "../Sources.ts"
import { isNode, isSrc } from "../Sources.ts"

const namesOf = (declaration: Node): ReadonlyArray<string> => {
  const declared = (declaration["declarations"] as ReadonlyArray<Node> | undefined) ?? [declaration]
  return declared.flatMap(({ id }) => (isNode(id) && id.type === "Identifier" ? [String(id["name"])] : []))
}

const isHeadless = ({ comments, path, program, text }: Source): boolean => {
  const statements = program["body"] as ReadonlyArray<Node>
  const exported = statements.filter(({ declaration }) => isNode(declaration))
  if (exported.length === 0 || comments.some(({ start }) => start < statements[0]!.start)) return false
  const file = path.slice(path.lastIndexOf("/") + 1, -".ts".length).toLowerCase()
  const telling = [
    exported[0]!,
    ...exported.filter(({ declaration }) => namesOf(declaration as Node).some((name) => name.toLowerCase() === file))
  ]
  return !telling.some(({ start }) => comments.some(({ end }) => end <= start && text.slice(end, start).trim() === ""))
}

export const headless = ({ sources }: House): ReadonlySet<string> =>
  new Set(sources.filter((source) => isSrc(source.path) && isHeadless(source)).map(({ path }) => path))
