import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import { normalised } from "../groups/Golden.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import { NOT_SERVED } from "./Differences.ts"
import { TOPICS, toolSteps, writeFiles } from "./ToolSteps.ts"
import { wireSteps } from "./WireSteps.ts"

/** Numbers, bytes and ids as text; an id of a subscription is each broker's own. */
const written = (key: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  return key === "subscriptionId" && value !== 0 ? "SUBSCRIPTION" : value
}

/** The highest version of each API, without those that are left out by name. */
const served = (text: string): string =>
  Array.from(text.matchAll(/(\w+)\((\d+)\): (?:\d+ to )?(\d+)/g))
    .filter(([, name]) => !NOT_SERVED.has(name!))
    .map(([, name, key, version]) => `${name} ${key} ${version}`)
    .join("\n")

/** The folder that the broker tells of, and whatever else names it. */
const logDirOf = (bootstrap: string): Promise<string> =>
  withWire(bootstrap, async (wire) => {
    const { results } = await wire.call(DescribeLogDirs, 4, { topics: null })
    return results[0]!.logDir
  })

const clusterIdOf = (bootstrap: string): Promise<string> =>
  withWire(bootstrap, async (wire) => (await wire.call(DescribeCluster, 1, {})).clusterId)

/** What each step came to on a broker, without what differs from run to run. */
export const outputsOf = async (bootstrap: string): Promise<ReadonlyMap<string, string>> => {
  const outputs = new Map<string, string>()
  await createTopics(bootstrap, TOPICS, {})
  const [logDir, clusterId] = await Promise.all([logDirOf(bootstrap), clusterIdOf(bootstrap)])
  const folder = mkdtempSync(join(tmpdir(), "tusk-admin-"))
  writeFiles(folder)
  const world = { folder, logDir }
  const keep = (name: string, text: string) => {
    const plain = text.replaceAll(folder, "FOLDER").replaceAll(logDir, "LOG_DIR")
    let unique = name.replaceAll(folder, "FOLDER")
    for (let again = 2; outputs.has(unique); again++) unique = `${name.replaceAll(folder, "FOLDER")} (${again})`
    outputs.set(unique, plain)
  }
  const shell = await startToolShell(bootstrap)
  try {
    for (const { args, tool } of toolSteps(world)) {
      const { code, text } = await shell.run(tool, args)
      const stable = (tool === "kafka-broker-api-versions" ? served(text) : text)
        .replaceAll(/\b\d{13}\b/g, "TIME")
        .replaceAll(/\b\d+ ms ago/g, "N ms ago")
        .replaceAll(/(?<=Cluster ?I[Dd]:\s+)\S+/g, "CLUSTER")
        .replaceAll(/(?<=Epoch: )\d+/g, "EPOCH")
        .replaceAll(/(?<=localhost|127\.0\.0\.1)([:\s]+)\d+/g, "$1PORT")
      keep([tool, ...args].join(" "), `${normalised(stable)}\nexit code ${code}`)
    }
    await withWire(bootstrap, async (wire) => {
      for (const { api, keeps, name, request, version } of wireSteps(world)) {
        const answer = await wire.call(api, version, request)
        keep(name, JSON.stringify(answer, written).replaceAll(clusterId, "CLUSTER"))
        keeps?.(answer)
      }
    })
  } finally {
    await shell.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return outputs
}
