/**
 * What a decision of the authorizer costs, in nanoseconds: one that is kept, one that is made anew, and the first after a
 * change of rows; with few rows and with many. `npm run bench:authorize [-- --rows 10000] [--json FILE]`
 */
import { parseArgs } from "node:util"
import type { Identity } from "@tusk/server/request/Identity"
import { Decisions } from "@tusk/server/security/acl/Decisions"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "10000" },
    json: { type: "string" }
  }
})

const TOPICS = 1000
const HOST = "10.0.0.1"
/** A decision that is kept is to cost less, in nanoseconds. */
const MOST_NS = 1000

/** A third are prefixes, a tenth deny; a hundred principals. */
const rowOf = (i: number): readonly [string, StoredAcl] => {
  const row = {
    resourceType: "TOPIC",
    resourceName: i % 3 === 0 ? `team-${i % 77}.app-${i}` : `team-${i % 77}.topic-${i}`,
    patternType: i % 3 === 0 ? "PREFIXED" : "LITERAL",
    principal: `User:app-${i % 100}`,
    host: i % 5 === 0 ? HOST : "*",
    operation: i % 2 === 0 ? "READ" : "WRITE",
    permissionType: i % 10 === 0 ? "DENY" : "ALLOW"
  }
  return [JSON.stringify(Object.values(row)), row]
}

/** Names as a decoder makes them: a text of its own for each request. */
const namesOf = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => Buffer.from(`team-${i % 77}.topic-${i}`).toString("utf8"))

/** Nanoseconds a call, the median of rounds. */
const nanoseconds = (calls: number, rounds: number, run: () => void): number => {
  const figures: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    run()
    figures.push(((performance.now() - start) * 1e6) / calls)
  }
  return median(figures)
}

let allowed = 0

const measure = (count: number, identity: Identity, what: string): ReadonlyArray<Bar> => {
  const all = Array.from({ length: count }, (_, i) => rowOf(i))
  let rows: ReadonlyMap<string, StoredAcl> = new Map(all)
  const decisionsOf = (cacheBytes: number) =>
    new Decisions({ rows: () => rows, superUsers: new Set(), allowsEveryone: false, cacheBytes })
  const ask = (decisions: Decisions, names: ReadonlyArray<string>) => {
    for (const name of names) allowed += decisions.operationsOn(identity, HOST, "topic", name) & 1
  }
  const [kept, anew] = [decisionsOf(64 << 20), decisionsOf(0)]
  const asked = Array.from({ length: 21 }, () => namesOf(TOPICS))
  for (const names of asked) for (const decisions of [kept, anew]) ask(decisions, names)
  let round = 0
  const next = () => asked[round++ % asked.length]!
  const [name] = asked[0]!
  return [
    {
      bar: "-",
      what: `${what}: kept`,
      value: nanoseconds(TOPICS, 21, () => ask(kept, next())),
      unit: "ns",
      most: MOST_NS
    },
    { bar: "-", what: `${what}: made anew`, value: nanoseconds(TOPICS, 21, () => ask(anew, next())), unit: "ns" },
    {
      bar: "-",
      what: `${what}: first after a change`,
      value: nanoseconds(1, 21, () => {
        const last = all[all.length - 1]!
        rows = new Map(rows.has(last[0]) ? all.slice(0, -1) : all)
        ask(kept, [name!])
      }),
      unit: "ns"
    }
  ]
}

const alone: Identity = { principal: "User:app-7", groups: [], byToken: false }
const grouped: Identity = { ...alone, groups: ["Group:a", "Group:b", "Group:c"] }
const many = Number(options.rows)
report(
  [
    ...measure(10, alone, "10 rows"),
    ...measure(many, alone, `${many} rows`),
    ...measure(many, grouped, `${many} rows, three groups`)
  ],
  options.json
)
if (allowed > 0) console.log(`${allowed} of them had bit 0`)
