/** Every file of the repository, parsed once: what the rules of the house look at. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "vite"

export const ROOT = fileURLToPath(new URL("..", import.meta.url))

/** A node of the syntax tree (ESTree with TypeScript), as far as rules look at it. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** A name that a file takes from another one; `*` is all of it. */
export interface Import {
  readonly specifier: string
  /** Path from the root of the repository; undefined for a package of somebody else's. */
  readonly from: string | undefined
  readonly name: string
  /** What the name is called here; undefined where it is handed on or has no name. */
  readonly as: string | undefined
}

/** A name that others can take. */
export interface Export {
  readonly name: string
  /** Nothing of it is there at run time. */
  readonly isType: boolean
}

export interface Comment {
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly text: string
  readonly program: Node
  readonly comments: ReadonlyArray<Comment>
  readonly imports: ReadonlyArray<Import>
  readonly exports: ReadonlyArray<Export>
}

export interface House {
  /** Paths of all files, from the root. */
  readonly files: ReadonlySet<string>
  /** TypeScript and JavaScript. */
  readonly sources: ReadonlyArray<Source>
  /** Markdown, by path. */
  readonly pages: ReadonlyMap<string, string>
}

/** What is published: `src` of a package. */
export const isSrc = (path: string): boolean => /^packages\/[^/]+\/src\//.test(path)

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"

/** Calls `visit` with each node and the one around it, from the outside in. */
export const walk = (node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void => {
  visit(node, parent)
  for (const key in node) {
    const value = node[key]
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) walk(item, visit, node)
    } else if (isNode(value)) walk(value, visit, node)
  }
}

const skipped = new Set(["node_modules", "dist", "target", "tusk-data", "__pycache__"])

const isSkipped = (name: string): boolean => skipped.has(name) || (name.startsWith(".") && name !== ".ci")

const filesBelow = (folder: string): Array<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return isSkipped(entry.name) ? [] : filesBelow(path)
    return [relative(ROOT, path).split(sep).join("/")]
  })

/** `@tusk/storage/port/Store` is a file of src by the `exports` of each package. */
const resolve = (importer: string, specifier: string): string | undefined => {
  const [, room, path] = /^@tusk\/([^/]+)\/(.+)$/.exec(specifier) ?? []
  if (room !== undefined) return `packages/${room}/src/${path}.ts`
  return specifier.startsWith(".") ? join(dirname(importer), specifier).split(sep).join("/") : undefined
}

const text = (value: unknown): string => String((value as { value: unknown }).value)

/** A file of which `path` is the place, and `code` what stands in it. */
export const parse = (path: string, code: string): Source => {
  const { comments, errors, module, program } = parseSync(path, code)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const imports: Array<Import> = []
  const take = (specifier: string, name: string, as?: string) =>
    imports.push({ specifier, from: resolve(path, specifier), name, as })
  for (const statement of module.staticImports) {
    const from = statement.moduleRequest.value
    if (statement.entries.length === 0) take(from, "*")
    for (const { importName, localName } of statement.entries) {
      take(
        from,
        importName.kind === "Name" ? importName.name! : importName.kind === "Default" ? "default" : "*",
        localName.value
      )
    }
  }
  const exports: Array<Export> = []
  for (const { entries } of module.staticExports) {
    for (const { exportName, importName, isType, moduleRequest } of entries) {
      if (moduleRequest !== null) take(moduleRequest.value, importName.kind === "Name" ? importName.name! : "*")
      if (exportName.kind !== "None") exports.push({ name: exportName.name ?? "default", isType })
    }
  }
  walk(program as unknown as Node, (node) => {
    if (node.type === "ImportExpression" && isNode(node["source"]) && node["source"].type === "Literal") {
      take(text(node["source"]), "*")
    }
    if (node.type === "TSImportType" && isNode(node["source"])) {
      const name = node["qualifier"]
      take(text(node["source"]), isNode(name) && name.type === "Identifier" ? String(name["name"]) : "*")
    }
  })
  return {
    path,
    text: code,
    program: program as unknown as Node,
    comments: comments.map(({ end, start, value }) => ({ text: value, start, end })),
    imports,
    exports
  }
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8")

/** Reads and parses the repository: 600 files in about a second. */
export const readHouse = (): House => {
  const files = filesBelow(ROOT).sort()
  return {
    files: new Set(files),
    sources: files.filter((path) => /\.(ts|mts|mjs|js)$/.test(path)).map((path) => parse(path, read(path))),
    pages: new Map(files.filter((path) => path.endsWith(".md")).map((path) => [path, read(path)]))
  }
}
