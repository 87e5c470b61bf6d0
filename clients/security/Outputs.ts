import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import { Closed } from "../../bench/groups/Wire.ts"
import { normalised } from "../groups/Golden.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import type { Part, WireStep } from "./Part.ts"

/** Each broker's own: ids of topics, and how often a leader has changed. */
const maskOf = (key: string, value: unknown): string | undefined => {
  if (key === "leaderEpoch") return "EPOCH"
  return key === "topicId" && value !== ZERO_UUID ? "ID" : undefined
}

/** Kafka makes its own topics later, and with other partitions. */
const isInternal = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "isInternal" in value && value.isInternal === true

/** Apache Kafka gives lists in the order of a hash table. */
const sorted = (value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  if (Array.isArray(value)) {
    const elements = value.filter((element) => !isInternal(element)).map(sorted)
    return elements.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
  }
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskOf(key, inner) ?? sorted(inner)]))
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

/** A refused request is named by what it is in Apache Kafka's memory. */
const plain = (text: string): string => text.replaceAll(/Request Request\(.*\) needs/g, "Request needs")

const SETTLED_MS = 5000

/** A request that cannot be read costs its connection: each has one of its own. */
const answerTo = (bootstrap: string, { api, request, until, version }: WireStep): Promise<string> =>
  withWire(bootstrap, async (wire) => {
    let answer: any
    await holdsWithin(SETTLED_MS, async () => {
      answer = await wire.call(api, version, request)
      return until?.(answer) !== false
    })
    return JSON.stringify(sorted(answer), undefined, 1)
  }).catch((error: unknown) => {
    if (error instanceof Closed) return "closed"
    throw error
  })

/** What each step came to on a broker, without what differs from run to run. */
export const outputsOf = async (
  bootstrap: string,
  { toolSteps, topics, wireSteps }: Part
): Promise<Map<string, string>> => {
  const outputs = new Map<string, string>()
  const { clusterId } = await withWire(bootstrap, (wire) => wire.call(DescribeCluster, 1, {}))
  const port = bootstrap.slice(bootstrap.lastIndexOf(":") + 1)
  const keep = (name: string, text: string) => {
    let unique = name
    for (let again = 2; outputs.has(unique); again++) unique = `${name} (${again})`
    outputs.set(unique, plain(text).replaceAll(clusterId, "CLUSTER").replaceAll(port, "PORT"))
  }
  if (topics !== undefined) await createTopics(bootstrap, topics, {})
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
