/**
 * Makes a fixture, on an empty database: `node --conditions=tusk-source packages/server/test/upgrade/makeFixture.ts TREE NAME URL`. The Tusk
 * of TREE (`.`, or a checkout of an earlier commit with its packages) serves clients and is killed; SQL sessions work; then
 * the data is dumped. A TREE that is the name of another fixture (0012) is where there is no Tusk of that version: its data
 * takes this tree's steps up to NAME, and SQL sessions work. `pg_dump` and `psql` are those of `PATH`.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import type { Facts } from "./Facts.ts"
import { restoring } from "./restoring.ts"
import { sqlWork } from "./SqlWork.ts"
import { workload } from "./Workload.ts"

const [tree, name, url] = process.argv.slice(2)
if (tree === undefined || name === undefined || url === undefined) throw new Error("makeFixture.ts TREE NAME URL")

const fileOf = (fixture: string, ending: string) => new URL(`fixtures/${fixture}.${ending}`, import.meta.url)
const psql = (sql: string) => execFileSync("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-1", url], { input: sql })

const served = async (): Promise<Omit<Facts, "made" | "steps">> => {
  const args = ["--conditions=tusk-source", "packages/cli/bin/tusk.mjs", "start", "--listen", "127.0.0.1:0"]
  const env = { ...process.env, TUSK_LOG_CLEANER_BACKOFF_MS: "50", TUSK_GROUP_INITIAL_REBALANCE_DELAY_MS: "0" }
  const broker = spawn(process.execPath, [...args, "--database-url", url], {
    cwd: tree,
    stdio: ["ignore", "pipe", "pipe"],
    env
  })
  const port = await new Promise<number>((resolve, reject) => {
    // Older ones tell it on standard output.
    for (const input of [broker.stdout, broker.stderr]) {
      createInterface({ input }).on("line", (line) => {
        const found = /listens on 127\.0\.0\.1:(\d+)/.exec(line)
        if (found !== null) resolve(Number(found[1]))
      })
    }
    broker.once("exit", () => reject(new Error("the broker ended")))
  })
  const facts = await workload(port).finally(() => broker.kill("SIGKILL"))
  await once(broker, "exit")
  return facts
}

const brought = (): Omit<Facts, "made" | "steps"> => {
  const facts: Facts = JSON.parse(readFileSync(fileOf(tree, "json"), "utf8"))
  psql(restoring(facts, readFileSync(fileOf(tree, "sql"), "utf8"), name))
  return facts
}

const dump = (...more: ReadonlyArray<string>) =>
  execFileSync(
    "pg_dump",
    ["--no-owner", "--no-acl", "--data-only", "--inserts", "--rows-per-insert=50", ...more, url],
    {
      encoding: "utf8"
    }
  )

const wasServed = !/^\d{4}$/.test(tree)
const facts = wasServed ? await served() : brought()
const work = sqlWork[name]
if (work !== undefined) psql(work.sql)
const steps = Array.from(dump("--table=kafka.migrations").matchAll(/\((\d+), [^)]*, '(\w+)'\)/g))
  .map(([, id, step]) => `${id!.padStart(4, "0")}_${step}`)
  .sort()
const made = wasServed ? "by clients of the Tusk of then" : `of ${tree} by this Tusk's steps, and by SQL sessions`
const all: Facts = {
  ...facts,
  made,
  steps,
  groups: [...facts.groups, ...(work?.groups ?? [])],
  ...(work === undefined ? {} : { outbox: work.outbox })
}
// Statements alone: no comments, nothing for psql.
const data = dump("--schema=kafka")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("--") && !line.startsWith("\\"))
  .join("\n")
writeFileSync(fileOf(name, "sql"), `${data}\n`)
writeFileSync(fileOf(name, "json"), `${JSON.stringify(all)}\n`)
console.log(`${name}: ${steps.length} steps, ${data.length} bytes, groups ${all.groups.map(({ type }) => type).join()}`)
process.exit(0)
