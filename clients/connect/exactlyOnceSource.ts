/**
 * Kafka Connect's exactly-once source: a distributed worker with `exactly.once.source.support=enabled` brings the lines of a
 * file into a topic, a transaction for each batch of them, while the worker and Tusk are killed with -9 in turn. The topic, as
 * read_committed finds it, has to be the file: each line once, in order.
 * `npm run test:connect [-- --lines 100000] [--kills 6] [--against tusk|kafka]`. Ends with 1 where it is not.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { holdsWithin, Report, sleep } from "../../bench/groups/Report.ts"
import { againstOf, createTopics, startTarget, withWire } from "../../bench/groups/Target.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { tail } from "../../bench/kafka/Program.ts"
import { CommittedReader } from "../transactions/CommittedReader.ts"
import { startWorker } from "./Worker.ts"
import type { Worker } from "./Worker.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    lines: { type: "string", default: "100000" },
    /** Of the worker and of the broker together. */
    kills: { type: "string", default: "6" }
  }
})
const [LINES, KILLS] = [Number(options.lines), Number(options.kills)]
const [TOPIC, CONNECTOR] = ["lines", "file"]
/** Lines of a transaction. */
const BATCH = 100
/** Nothing comes for so long: it is stuck. */
const PATIENCE_MS = 120_000

const lineOf = (i: number): string => `line ${i}`

/** Waits for a number of lines in the topic, which grow in the meantime. */
const untilLines = async (count: number, lines: ReadonlyArray<string>, worker: Worker): Promise<void> => {
  for (let seen = -1; lines.length < count;) {
    if (lines.length === seen) {
      const state = await worker.taskState(CONNECTOR)
      throw new Error(`${seen} lines, and no more for ${PATIENCE_MS / 1000} s; the task is ${state}`)
    }
    seen = lines.length
    await holdsWithin(PATIENCE_MS, () => {
      worker.check()
      return lines.length > seen
    })
  }
}

/** At places in the file that nobody knows, one close to the next at times. */
const killInTurn = async (target: Target, worker: Worker, lines: ReadonlyArray<string>): Promise<string> => {
  const places = Array.from({ length: KILLS }, () => Math.floor((0.02 + 0.9 * Math.random()) * LINES))
  for (const [i, place] of places.toSorted((a, b) => a - b).entries()) {
    await untilLines(place, lines, worker)
    // What came was just committed: somewhere in the transactions that follow.
    await sleep(Math.random() * 100)
    if (i % 2 === 0) await worker.replace()
    else {
      await target.kill()
      await target.start()
    }
  }
  return `${Math.ceil(KILLS / 2)} of the worker, ${Math.floor(KILLS / 2)} of the broker`
}

/** What is wrong with the lines; undefined: nothing. */
const difference = (lines: ReadonlyArray<string>): string | undefined => {
  const at = lines.findIndex((line, i) => line !== lineOf(i))
  if (at < 0 && lines.length === LINES) return undefined
  const double = lines.length - new Set(lines).size
  return `${lines.length} lines, ${double} double, the first wrong one is ${at}: ${lines.slice(at, at + 3).join()}`
}

const source = async (target: Target, folder: string, report: Report): Promise<void> => {
  const file = join(folder, "lines.txt")
  writeFileSync(file, Array.from({ length: LINES }, (_, i) => `${lineOf(i)}\n`).join(""))
  await createTopics(target.bootstrap, new Map([[TOPIC, 1]]))
  const worker = await startWorker(target.bootstrap)
  const reader = new CommittedReader(new Map([[TOPIC, 1]]))
  const lines: Array<string> = []
  const take = (value: string) => lines.push(value)
  let isOver = false
  const reading = reader.follow(
    target.bootstrap,
    ({ value }) => take(value),
    () => isOver
  )
  const from = performance.now()
  try {
    await worker.configure(CONNECTOR, {
      ...{ "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1" },
      ...{ file, topic: TOPIC, "batch.size": `${BATCH}`, "exactly.once.support": "required" }
    })
    const kills = await killInTurn(target, worker, lines)
    await untilLines(LINES, lines, worker)
    report.note("kills -9", kills)
  } catch (error) {
    console.log(`--- the worker\n${tail(worker.log(), 40)}`)
    throw error
  } finally {
    isOver = true
    await reading
    await worker.stop()
  }
  await withWire(target.bootstrap, async (wire) => (await reader.rest(wire)).forEach(({ value }) => take(value)))
  const seconds = ((performance.now() - from) / 1000).toFixed(0)
  report.note("transactions", `${reader.committed.size} committed, ${reader.aborted.size} aborted, in ${seconds} s`)
  const wrong = difference(lines)
  report.check(
    "Kafka Connect's exactly-once source",
    wrong === undefined,
    wrong ?? `${LINES} lines, in order`,
    "the file"
  )
}

const report = new Report()
const cleanup = { "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500" }
const target = await startTarget(againstOf(options.against), cleanup)
const folder = mkdtempSync(join(tmpdir(), "tusk-connect-file-"))
console.log(`${target.name}, ${LINES} lines, ${KILLS} kills`)
try {
  await report.attempt("Kafka Connect's exactly-once source", () => source(target, folder, report))
} finally {
  await target.stop()
  rmSync(folder, { recursive: true, force: true })
}
report.summary()
process.exit()
