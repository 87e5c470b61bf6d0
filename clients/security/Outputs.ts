import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { withWire } from "../../bench/groups/Target.ts"
import { Closed } from "../../bench/groups/Wire.ts"
import { normalised } from "../groups/Golden.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import type { Part, WireStep } from "./Part.ts"

/** Apache Kafka gives lists in the order of a hash table. */
const sorted = (value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  if (Array.isArray(value)) {
    const elements = value.map(sorted)
    return elements.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
  }
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, sorted(inner)]))
}

/**
 * What a tool printed, with what is in no order put in one: each entry of a list stands with the line above the list, and
 * names within brackets are sorted.
 */
const inOrder = (text: string): string => {
  let head = ""
  return text
    .split("\n")
    .map((line) => {
      if (!/^\s+\(/.test(line)) head = line
      return line === head ? line : `${head} ${line.trim()}`
    })
    .map((line) =>
      line.replaceAll(/\[([^\]]+)\]/g, (_, names: string) => `[${names.split(", ").toSorted().join(", ")}]`)
    )
    .join("\n")
}

/** A request that cannot be read costs its connection: each has one of its own. */
const answerTo = (bootstrap: string, { api, request, version }: WireStep): Promise<string> =>
  withWire(bootstrap, async (wire) =>
    JSON.stringify(sorted(await wire.call(api, version, request)), undefined, 1)
  ).catch((error: unknown) => {
    if (error instanceof Closed) return "closed"
    throw error
  })

/** What each step came to on a broker, without what differs from run to run. */
export const outputsOf = async (bootstrap: string, { toolSteps, wireSteps }: Part): Promise<Map<string, string>> => {
  const outputs = new Map<string, string>()
  const { clusterId } = await withWire(bootstrap, (wire) => wire.call(DescribeCluster, 1, {}))
  const port = bootstrap.slice(bootstrap.lastIndexOf(":") + 1)
  const keep = (name: string, text: string) => {
    let unique = name
    for (let again = 2; outputs.has(unique); again++) unique = `${name} (${again})`
    outputs.set(unique, text.replaceAll(clusterId, "CLUSTER").replaceAll(port, "PORT"))
  }
  const shell = await startToolShell(bootstrap)
  try {
    for (const { args, tool } of toolSteps) {
      const { code, text } = await shell.run(tool, args)
      keep([tool, ...args].join(" "), `${normalised(inOrder(text))}\nexit code ${code}`)
    }
    for (const step of wireSteps) keep(step.name, await answerTo(bootstrap, step))
  } finally {
    await shell.stop()
  }
  return outputs
}
