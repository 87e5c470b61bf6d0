/** Secrets are compared in constant time (`timingSafeEqual`): never by `===`, and never byte by byte. */
import type { House, Node, Source } from "../Sources.ts"
import { isNode, walk } from "../Sources.ts"

/** Where secrets are. */
const ROOMS = /^packages\/(?:server\/src\/security|storage\/src\/(?:pg|security)|client\/src)\//
const SECRET = /(?:password|passphrase|secret|hmac|proof|storedKey|serverKey|clientKey|signature|hash)$/i
const OPERATORS = new Set(["===", "!==", "==", "!="])
/** Methods that stop at the first byte that differs. */
const COMPARING = new Set(["equals", "compare", "localeCompare"])

/** What an operand is called: the last name of `credential.storedKey`, or of what a call gives. */
const nameOf = (node: unknown): string => {
  if (!isNode(node)) return ""
  if (node.type === "Identifier" || node.type === "PrivateIdentifier") return String(node["name"])
  if (node.type === "MemberExpression") return nameOf(node["property"])
  if (node.type === "CallExpression") return nameOf(node["callee"])
  return node.type === "TSNonNullExpression" ? nameOf(node["expression"]) : ""
}

/** Whether there is one, and what stands in the code, are no secrets. */
const isPublic = (node: unknown): boolean =>
  isNode(node) && (node.type === "Literal" || (node.type === "Identifier" && node["name"] === "undefined"))

const isCompared = (node: Node): boolean => {
  if (node.type === "BinaryExpression" && OPERATORS.has(String(node["operator"]))) {
    const sides = [node["left"], node["right"]]
    return !sides.some(isPublic) && sides.some((side) => SECRET.test(nameOf(side)))
  }
  if (node.type !== "CallExpression" || !COMPARING.has(nameOf(node["callee"]))) return false
  const { object } = node["callee"] as Node
  return [object, ...(node["arguments"] as ReadonlyArray<unknown>)].some((side) => SECRET.test(nameOf(side)))
}

const comparedIn = ({ path, program, text }: Source): ReadonlyArray<string> => {
  const found: Array<string> = []
  walk(program, (node) => {
    if (isCompared(node)) found.push(`${path} ${text.slice(node.start, node.end)}`)
  })
  return found
}

export const comparedSecrets = ({ sources }: House): ReadonlySet<string> =>
  new Set(sources.filter(({ path }) => ROOMS.test(path)).flatMap(comparedIn))
