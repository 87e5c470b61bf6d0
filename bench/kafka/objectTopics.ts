import { join } from "node:path"
import process from "node:process"

/** Merges come so soon that a short test sees them. */
const MERGE_INTERVAL_MS = 3000

/**
 * `TEST_STORAGE=object` before any suite that starts Tusk: topics keep their bytes in objects unless they say otherwise
 * (`tusk.log.storage`), which lie in a folder beside the data of Postgres. Settings of the broker, to be overruled by the suite's own.
 */
export const objectTopics = (dataDir: string): Readonly<Record<string, string>> => {
  const storage = process.env["TEST_STORAGE"] ?? "row"
  if (storage === "row") return {}
  if (storage !== "object") throw new Error(`TEST_STORAGE=${storage}: not row or object`)
  return {
    "tusk.object.store": `file://${join(dataDir, "objects")}`,
    "tusk.log.storage": "object",
    "tusk.object.merge.interval.ms": `${MERGE_INTERVAL_MS}`
  }
}
