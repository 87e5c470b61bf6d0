/** The load of capacity.ts: connections that each have one request in flight. The job is the argument, as JSON (`Load.ts`). */
import process from "node:process"
import { quantile, sleep } from "../groups/Report.ts"
import { converse } from "./Connection.ts"
import { batchOf, fetching, producing } from "./Flow.ts"
import type { Flow } from "./Flow.ts"
import type { Job, Told } from "./Load.ts"

const { connections, leadMs, measureMs, port, work } = JSON.parse(process.argv[2] ?? "") as Job

/** Resolves when it is on its way. */
const tell = (told: Told): Promise<void> =>
  new Promise((resolve, reject) => process.send!(told, (error: Error | null) => (error ? reject(error) : resolve())))

const flows = (): ReadonlyArray<Flow> => {
  const each = Array.from({ length: connections }, (_, i) => i)
  if (work.kind === "consume") return each.map((i) => fetching(work.log, i % work.log.partitions))
  const batch = batchOf(work.kib)
  return each.map((i) => producing(work.topic, i % work.partitions, batch))
}

// Nothing of it stays if who asked for it has gone.
process.once("disconnect", () => process.exit())

let state: "leads" | "counts" | "ends" = "leads"
let bytes = 0
const times: Array<number> = []
const all = Promise.all(
  flows().map((flow) =>
    converse(port, flow, (count, ms) => {
      if (state === "counts") {
        bytes += count
        times.push(ms)
      }
      return state !== "ends"
    })
  )
)

await Promise.race([sleep(leadMs), all])
await tell("began")
state = "counts"
const [began, cpu] = [performance.now(), process.cpuUsage()]
await Promise.race([sleep(measureMs), all])
const [seconds, { system, user }] = [(performance.now() - began) / 1000, process.cpuUsage(cpu)]
state = "ends"
await tell("ended")
await all
const [p50Ms, p99Ms] = [quantile(times, 0.5), quantile(times, 0.99)]
await tell({ bytes, seconds, p50Ms, p99Ms, cpuSeconds: (user + system) / 1e6 })
process.disconnect?.()
