/**
 * Who may do what, beside Apache Kafka and its StandardAuthorizer: `npm run test:authorization [-- --against memory,tusk,kafka]
 * [--only API] [--verbose]`. Every API that Tusk serves, in every version, as five principals: the answers have to be the same, byte
 * for byte but for ids and times, unless `Differences.ts` names why. `--against kafka` is a second Apache Kafka: what differs there is
 * chance. Ends with 1 where something differs that is not named, or is named and does not differ.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import process from "node:process"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import type { Ending } from "../../bench/Ending.ts"
import { javaMissing } from "../../bench/kafka/ApacheKafka.ts"
import { answersOf } from "./Answers.ts"
import { startSecuredKafka } from "./ApacheKafkaSecured.ts"
import { DIFFERENCES } from "./Differences.ts"
import type { Difference } from "./Differences.ts"
import { differingPlaces } from "./places.ts"
import type { Secured } from "./Principals.ts"
import { CASES } from "./Requests.ts"
import { startSecuredTusk } from "./TuskSecured.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "memory,tusk" },
    only: { type: "string" },
    /** Where Apache Kafka's answers are kept: they are read from there, if the file is there. */
    answers: { type: "string" },
    /** Prints every pair of answers that differs, also the named ones. */
    verbose: { type: "boolean", default: false }
  }
})

const cases = CASES.filter(({ api }) => options.only === undefined || options.only.split(",").includes(api.name))

const start = (against: string): Promise<Secured & { readonly stop: () => Promise<unknown> }> => {
  if (against === "kafka") return startSecuredKafka()
  if (against === "tusk") return startSecuredTusk("embedded")
  if (against === "memory") return startSecuredTusk("memory")
  throw new Error(`--against ${against}: not tusk, memory or kafka`)
}

/** Prints what differs; returns how much of it nobody has named, or is named for nothing. */
const compare = (against: string, expected: ReadonlyMap<string, string>, seen: ReadonlyMap<string, string>): number => {
  const named = DIFFERENCES.filter(({ on = against }) => on === against)
  const used = new Set<Difference>()
  const counts = { equal: 0, named: 0, unnamed: 0 }
  for (const [request, theirs] of expected) {
    const ours = seen.get(request)
    if (ours === theirs) {
      counts.equal++
      continue
    }
    const places = differingPlaces(theirs, ours).map((place) => ({
      place,
      why: named.find(({ at, of }) => of.test(request) && at.test(place))
    }))
    const isNamed = places.length > 0 && places.every(({ why }) => why !== undefined)
    counts[isNamed ? "named" : "unnamed"]++
    for (const { why } of places) if (why !== undefined) used.add(why)
    if (isNamed && !options.verbose) continue
    console.log(`${against}: ${request}: ${isNamed ? "differs by right" : "DIFFERENT"}`)
    for (const { place, why } of places) console.log(`  at ${place === "" ? "all of it" : place}: ${why?.why ?? "?"}`)
    console.log(`  Apache Kafka  ${theirs}\n  ${against.padEnd(12)}  ${ours}`)
  }
  const idle = options.only === undefined && against !== "kafka" ? named.filter((each) => !used.has(each)) : []
  for (const { at, of } of idle) console.log(`${against}: Differences.ts names ${of} ${at}, and nothing differs`)
  console.log(`${against}: ${counts.equal} of ${expected.size} answers are equal, ${counts.named} differ by right`)
  return counts.unnamed + idle.length
}

const expectedBy = async (ending: Ending): Promise<ReadonlyMap<string, string>> => {
  const file = options.answers
  const isAsked = new Set(cases.map(({ name }) => name))
  if (file !== undefined && existsSync(file)) {
    const kept: ReadonlyArray<[string, string]> = JSON.parse(readFileSync(file, "utf8"))
    return new Map(kept.filter(([request]) => isAsked.has(request.replace(/ by \w+$/, ""))))
  }
  const kafka = await ending.stopping(startSecuredKafka())
  const expected = await answersOf(kafka, cases)
  if (file !== undefined) writeFileSync(file, JSON.stringify([...expected]))
  return expected
}

await runBench(async (ending) => {
  const missing = await javaMissing()
  if (missing !== undefined) {
    console.log(`skipped: ${missing}`)
    return
  }
  const expected = await expectedBy(ending)
  console.log(
    `${new Set(cases.map(({ api }) => api.name)).size} APIs, ${cases.length} requests, ${expected.size} answers of Apache Kafka`
  )
  let wrong = 0
  for (const against of options.against.split(",")) {
    const broker = await ending.stopping(start(against))
    wrong += compare(against, expected, await answersOf(broker, cases))
  }
  if (wrong > 0) process.exitCode = 1
})
