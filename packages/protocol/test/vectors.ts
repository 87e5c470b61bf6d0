import { readdirSync, readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"

const folder = new URL("./vectors/", import.meta.url)

const text = (file: string): string => gunzipSync(readFileSync(new URL(file, folder))).toString("utf8")

/**
 * The lines of one golden file, parsed: `readVectors("03-Metadata")`. What the files hold is told in
 * `vectors/README.md`.
 */
export const readVectors = (name: string): Array<any> =>
  text(`${name}.jsonl.gz`)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

/** A whole JSON file kept beside the vectors: `apis` (ranges of every API key), `errors` (codes and names). */
export const readTable = (name: "apis" | "errors"): any => JSON.parse(text(`${name}.json.gz`))

/** Names of the golden files of the APIs, `00-Produce` and on, in order of their key. */
export const apiVectorNames = (): Array<string> =>
  readdirSync(folder)
    .filter((file) => /^\d\d-.*\.jsonl\.gz$/.test(file))
    .map((file) => file.replace(/\.jsonl\.gz$/, ""))
    .sort()
