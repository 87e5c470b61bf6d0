import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { cache } from "../bench/kafka/ApacheKafka.ts"
import { run, runOk } from "../bench/kafka/Program.ts"
import type { Client } from "./Client.ts"
import { parseLine, recordOf } from "./Client.ts"

type Found = { readonly file: string; readonly env: Readonly<Record<string, string>> }

const works = async ({ file, env }: Found): Promise<boolean> =>
  (await run(file, ["-V"], { spawn: { env: { ...process.env, ...env } } }).catch(() => undefined))?.code === 0

/** kcat from the PATH, else from Debian's packages unpacked below the cache: nothing is installed. */
const find = async (): Promise<Found | undefined> => {
  const installed = { file: "kcat", env: {} }
  if (await works(installed)) return installed
  const folder = join(cache, "kcat")
  const libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((name) => join(folder, "usr/lib", name)).join(":")
  const unpacked = { file: join(folder, "usr/bin/kcat"), env: { LD_LIBRARY_PATH: libraries } }
  if (existsSync(unpacked.file)) return (await works(unpacked)) ? unpacked : undefined
  mkdirSync(folder, { recursive: true })
  const spawn = { cwd: folder }
  const fetched = await run("apt-get", ["download", "kcat", "librdkafka1", "libyajl2"], { spawn }).catch(
    () => undefined
  )
  if (fetched?.code !== 0) return undefined
  for (const deb of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
    await runOk("dpkg-deb", ["-x", join(folder, deb), folder])
  }
  return (await works(unpacked)) ? unpacked : undefined
}

/** `% Group g rebalanced (memberid m): assigned: topic [0], topic [1]`, or `… revoked: …`, on stderr. */
const assignment = (line: string): ReadonlyArray<number> | undefined => {
  const found = /^% Group .* rebalanced \(.*\): (assigned|revoked)/.exec(line)
  if (found === null) return undefined
  return found[1] === "revoked" ? [] : [...line.matchAll(/ \[(\d+)\]/g)].map((match) => Number(match[1]))
}

/** kcat creates no topic by itself: the broker does, with its `num.partitions`, at the first metadata request. */
export const kcat: Client = {
  name: "kcat (Debian)",
  prepare: async () => {
    const found = await find()
    if (found === undefined) return "kcat is missing, and apt-get does not find it"
    const { file, env } = found
    const spawn = { env: { ...process.env, ...env } }
    const partitionsOf = async (bootstrap: string, topic: string) => {
      const { stdout } = await runOk(file, ["-b", bootstrap, "-L", "-J", "-t", topic], { spawn })
      const metadata = JSON.parse(stdout) as {
        topics: ReadonlyArray<{ topic: string; partitions: ReadonlyArray<unknown> }>
      }
      return metadata.topics.find((one) => one.topic === topic)?.partitions.length ?? 0
    }
    return {
      create: async (bootstrap, topic, partitions) => {
        let seen = 0
        for (let tries = 0; tries < 10 && seen !== partitions; tries++) seen = await partitionsOf(bootstrap, topic)
        if (seen !== partitions) throw new Error(`auto-creation gave ${seen} partitions, not ${partitions}`)
      },
      produce: async (bootstrap, topic, from, count) => {
        const records = Array.from({ length: count }, (_, i) => recordOf(from + i))
        const stdin = records.map(({ key, value }) => `${key}\t${value}\n`).join("")
        await runOk(file, ["-P", "-b", bootstrap, "-t", topic, "-K", "\t"], { stdin, spawn })
      },
      consume: (bootstrap, topic, group) => {
        const format = ["-u", "-f", "%p\t%o\t%k\t%s\n", "-X", "auto.offset.reset=earliest"]
        return { file, args: ["-b", bootstrap, "-G", group, ...format, topic], env }
      },
      parse: (line) => {
        const partitions = assignment(line)
        return partitions === undefined ? parseLine(line) : { kind: "assigned", partitions }
      }
    }
  }
}
