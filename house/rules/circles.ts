/** No file of src leads back to itself by imports, those of types included. */
import type { House } from "../Sources.ts"
import { isSrc } from "../Sources.ts"

type Graph = ReadonlyMap<string, ReadonlySet<string>>

const reachable = (graph: Graph, start: string): ReadonlySet<string> => {
  const seen = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const next of graph.get(path) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return seen
}

/** Each import that is part of a circle, `from -> to`: a circle that gets smaller gives fewer, never another one. */
export const circles = ({ sources }: House): ReadonlySet<string> => {
  const graph: Graph = new Map(
    sources
      .filter(({ path }) => isSrc(path))
      .map(({ imports, path }) => [
        path,
        new Set(imports.flatMap(({ from }) => (from !== undefined && isSrc(from) ? [from] : [])))
      ])
  )
  const reached = new Map([...graph.keys()].map((path) => [path, reachable(graph, path)]))
  return new Set(
    [...graph].flatMap(([from, next]) =>
      [...next].filter((to) => reached.get(to)?.has(from) === true).map((to) => `${from} -> ${to}`)
    )
  )
}
