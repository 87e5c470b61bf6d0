/**
 * What is exported is imported by somebody: src, tests, benches, clients, or an example of a README. A type that its own
 * file uses is part of what that file exports beside it, as are declarations of Kafka's messages.
 */
import type { House, Import, Source } from "../Sources.ts"
import { isNode, isSrc, walk } from "../Sources.ts"

/** Names that are read of a module taken whole (`import * as Uuid`); all of them (`*`) where it is used in another way. */
const membersOf = ({ program }: Source, as: string): ReadonlySet<string> => {
  const members = new Set<string>()
  walk(program, (node, parent) => {
    if (node.type !== "Identifier" || node["name"] !== as || parent === undefined) return
    const member = parent["property"] ?? parent["right"]
    if ((parent.type === "MemberExpression" && parent["computed"] === false) || parent.type === "TSQualifiedName") {
      // The name itself stands on the left: `a.Uuid` is not a use of the module.
      if ((parent["object"] ?? parent["left"]) === node && isNode(member)) members.add(String(member["name"]))
    } else if (parent.type !== "ImportNamespaceSpecifier") members.add("*")
  })
  return members
}

const takenBy = (source: Source, { as, name }: Import): Iterable<string> =>
  name === "*" && as !== undefined ? membersOf(source, as) : [name]

/** Types that their own file uses where it does not declare them. */
const typesInUse = ({ program }: Source): ReadonlySet<string> => {
  const used = new Set<string>()
  walk(program, (node, parent) => {
    if (node.type !== "Identifier") return
    if (
      parent?.type === "TSTypeReference" ||
      parent?.type === "TSInterfaceHeritage" ||
      parent?.type === "TSQualifiedName"
    ) {
      used.add(String(node["name"]))
    }
  })
  return used
}

const isDeclarations = (path: string): boolean => /^packages\/protocol\/src\/(messages|embedded)\//.test(path)

/** Imports that a README's examples show. */
const shown = (page: string): ReadonlyArray<[path: string, name: string]> =>
  [...page.matchAll(/import (?:type )?\{([^}]*)\} from "@tusk\/([^/"]+)\/([^"]+)"/g)].flatMap(([, names, room, path]) =>
    names!
      .split(",")
      .map((name): [string, string] => [`packages/${room}/src/${path}.ts`, name.trim().replace(/^type | as .*$/g, "")])
  )

export const deadExports = ({ pages, sources }: House): ReadonlySet<string> => {
  const taken = new Set<string>()
  for (const source of sources) {
    for (const one of source.imports) {
      if (one.from !== undefined) for (const name of takenBy(source, one)) taken.add(`${one.from} ${name}`)
    }
  }
  for (const page of pages.values()) for (const [path, name] of shown(page)) taken.add(`${path} ${name}`)
  return new Set(
    sources
      .filter(({ path }) => isSrc(path) && !isDeclarations(path) && !taken.has(`${path} *`))
      .flatMap((source) => {
        const inUse = typesInUse(source)
        return source.exports
          .filter(({ isType, name }) => !isType || !inUse.has(name))
          .map(({ name }) => `${source.path} ${name}`)
      })
      .filter((name) => !taken.has(name))
  )
}
