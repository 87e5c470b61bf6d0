/** A function fits on a screen: what src has of longer ones, with their lengths. */
import type { House, Node, Source } from "../Sources.ts"
import { isNode, isSrc, walk } from "../Sources.ts"

export const MOST_LINES = 80

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])

/** The name that a node gives to what is in it: `const f =`, `f: …`, `f() {…}`, `function f`. */
const nameOf = (node: Node): string | undefined => {
  const named =
    node.type === "VariableDeclarator" || functions.has(node.type)
      ? node["id"]
      : node.type === "Property" || node.type === "MethodDefinition" || node.type === "PropertyDefinition"
        ? node["key"]
        : undefined
  return isNode(named) && named.type === "Identifier" ? String(named["name"]) : undefined
}

const longFunctionsOf = ({ path, program, text }: Source): ReadonlyArray<[string, number]> => {
  const names = new Map<Node, string>()
  const longest = new Map<string, number>()
  walk(program, (node, parent) => {
    const around = parent === undefined ? "" : names.get(parent)!
    const name = nameOf(node)
    names.set(node, name === undefined || name === around ? around : name)
    if (!functions.has(node.type)) return
    const lines = text.slice(node.start, node.end).split("\n").length
    const key = `${path} ${names.get(node)!}`
    if (lines > MOST_LINES) longest.set(key, Math.max(lines, longest.get(key) ?? 0))
  })
  return [...longest]
}

/** By file and name; a function without a name counts as the one that it is in. */
export const longFunctions = ({ sources }: House): ReadonlyMap<string, number> =>
  new Map(sources.filter(({ path }) => isSrc(path)).flatMap(longFunctionsOf))
