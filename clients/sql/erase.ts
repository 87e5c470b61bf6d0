/**
 * The right to be forgotten, with real processes: `npm run test:erase [-- --megabytes 96] [--seconds 8] [--kills 3]`. A line a
 * check; ends with 1 if one failed. What kafka.erasures says is done is looked for everywhere: by Fetch at every offset, by
 * Java's consumer, in SQL, in every table, and in every file of the data directory but the WAL.
 */
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { Wire } from "../../bench/groups/Wire.ts"
import { javaCommand, javaMissing, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { createTopic } from "../failover/Asking.ts"
import { Report } from "../failover/Report.ts"
import { EraseLoad } from "./EraseLoad.ts"
import { faceOf, fill, KEY_PREFIX, Marked, readLog, transact } from "./ErasedLog.ts"
import type { Read } from "./ErasedLog.ts"
import { startWorld } from "./World.ts"
import type { World } from "./World.ts"

const { values: options } = parseArgs({
  options: {
    megabytes: { type: "string", default: "96" },
    seconds: { type: "string", default: "8" },
    kills: { type: "string", default: "3" }
  }
})

/** Topics with records that go, by their configs. */
const TOPICS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mixed: {},
  compacted: { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1" },
  rows: { "tusk.sql.records": "on" }
}
const BATCH_BYTES = 40_000

const marked = new Marked(8)

interface Topic {
  readonly name: string
  readonly partition: number
}
const PLACES: ReadonlyArray<Topic> = Object.keys(TOPICS).flatMap((name) =>
  [0, 1].map((partition) => ({ name, partition }))
)
const keyOf = ({ name, partition }: Topic) => `${name}-${partition}`

const readAll = async (wire: Wire, every = false): Promise<ReadonlyMap<string, Read>> => {
  const found = new Map<string, Read>()
  for (const place of PLACES) found.set(keyOf(place), await readLog(wire, place.name, place.partition, every))
  return found
}

const isGoing = (key: Uint8Array | null) => key !== null && marked.keys.includes(Buffer.from(key).toString())

const fillAll = async ({ bootstrap, session }: World) => {
  const wire = await Wire.connect(bootstrap)
  for (const [name, configs] of Object.entries(TOPICS)) await createTopic(bootstrap, name, 2, configs)
  const batches = Math.ceil((Number(options.megabytes) << 20) / BATCH_BYTES / PLACES.length)
  for (const { name, partition } of PLACES) {
    await fill(wire, name, partition, marked, batches)
    await transact(wire, name, partition, marked, true)
    await transact(wire, name, partition, marked, false)
  }
  const sql = await session()
  for (const name of Object.keys(TOPICS)) {
    for (const key of marked.keys) {
      const value = `'\\x${Buffer.concat([marked.gone, Buffer.from(key)]).toString("hex")}'::bytea`
      await sql.query(`select kafka.produce('${name}', value => ${value}, key => '${key}')`)
    }
  }
  return wire
}

/** Until all that was asked is done; kills the broker now and then. */
const untilDone = async ({ broker, report, session }: World, kills: number, fromId = 0) => {
  const sql = await session()
  let left = kills
  const began = performance.now()
  while (true) {
    const [row] = await sql.query(`select count(*) filter (where state <> 'done'), string_agg(distinct waits_for, '; '),
      round(avg(progress), 2) from kafka.erasures where erasure_id > ${fromId}`)
    if (row![0] === "0") break
    if (performance.now() - began > 300_000) {
      report.check("all is done in 5 minutes", false, `${row}`, "done")
      break
    }
    if (left > 0) {
      await sleep(700)
      await broker.kill()
      await broker.start()
      left--
    }
    await sleep(100)
  }
  sql.close()
  return (performance.now() - began) / 1000
}

/** Of a file that comes and goes while the server runs. */
const contentOf = (file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0)
    throw error
  }
}

/** How many times a text of bytes lies in files of the data directory, but for the WAL. */
const countInFiles = (folder: string, bytes: Buffer): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  const look = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const at = join(path, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== "pg_wal") look(at)
        continue
      }
      const content = contentOf(at)
      let count = 0
      for (let i = content.indexOf(bytes); i >= 0; i = content.indexOf(bytes, i + 1)) count++
      if (count > 0) found.set(at.slice(folder.length), count)
    }
  }
  look(folder)
  return found
}

const tablesOf = async ({ server }: World) =>
  (
    await server.query(`select quote_ident(c.relname) from pg_class c where c.relnamespace = 'kafka'::regnamespace
    and c.relkind = 'r' order by 1`)
  ).map(([name]) => name!)

/** In every table of the schema, as Postgres writes its rows: the mark of values, and how all keys begin. */
const checkTables = async (world: World) => {
  const sql = await world.session()
  const found: Array<string> = []
  const texts = [marked.gone.toString("hex"), Buffer.from(KEY_PREFIX).toString("hex"), KEY_PREFIX]
  for (const table of await tablesOf(world)) {
    const [row] = await sql.query(`select count(*) from (select t::text as row from kafka.${table} t offset 0) r
      where ${texts.map((text) => `position('${text}' in r.row) > 0`).join(" or ")}`)
    if (row![0] !== "0") found.push(`${table}: ${row![0]}`)
  }
  sql.close()
  world.report.none("rows of tables that hold a value or a key", found)
}

const checkFiles = async ({ report, server, ...world }: World) => {
  for (const table of await tablesOf({ report, server, ...world })) await server.query(`vacuum full kafka.${table}`)
  await server.query("checkpoint")
  await server.query("checkpoint")
  const stays = countInFiles(server.folder, marked.stays)
  report.check("files: other values are found", stays.size > 0, `in ${stays.size} files`, "in some")
  const gone = countInFiles(server.folder, marked.gone)
  report.none(
    "files that hold an erased value",
    Array.from(gone, ([file, count]) => `${file}: ${count}`)
  )
  for (const key of marked.keys) {
    const keys = countInFiles(server.folder, Buffer.from(key))
    report.none(
      `files that hold key ${key.slice(0, 9)}…`,
      Array.from(keys, ([file, count]) => `${file}: ${count}`)
    )
  }
}

const checkLogs = (report: Report, before: ReadonlyMap<string, Read>, after: ReadonlyMap<string, Read>) => {
  const [left, lost, changed, batches]: Array<Array<string>> = [[], [], [], []]
  let kept = 0
  for (const place of PLACES) {
    const key = keyOf(place)
    const [was, is] = [before.get(key)!, after.get(key)!]
    const isCompacted = place.name === "compacted"
    for (const [offset, record] of is.records) {
      if (isGoing(record.key)) left!.push(`${key}/${offset}`)
      const former = was.records.get(offset)
      if (former !== undefined && faceOf(former) !== faceOf(record)) changed!.push(`${key}/${offset}`)
      kept++
    }
    if (isCompacted) continue
    for (const [offset, record] of was.records) {
      if (!isGoing(record.key) && !is.records.has(offset)) lost!.push(`${key}/${offset}`)
    }
    for (const [offset, batch] of was.batches) {
      const now = is.batches.get(offset)
      if (now === undefined || RecordBatch.lastOffset(now) !== RecordBatch.lastOffset(batch))
        batches!.push(`${key}/${offset}`)
    }
  }
  report.note("records that stayed", String(kept))
  report.none("records of erased keys by a Fetch at every offset", left!)
  report.none("other records lost", lost!)
  report.none("other records changed", changed!)
  report.none("batches that lie elsewhere", batches!)
}

const checkJava = async ({ bootstrap, report }: World, after: ReadonlyMap<string, Read>) => {
  const absent = await javaMissing()
  if (absent !== undefined) return report.skip("Java's consumer", absent)
  const { classpath } = await prepareJava()
  for (const name of Object.keys(TOPICS)) {
    const command = javaCommand(classpath, "org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", bootstrap, "--topic", name, "--from-beginning", "--timeout-ms", "8000"],
      ...["--formatter-property", "print.key=true", "--formatter-property", "print.value=false"],
      ...["--formatter-property", "print.offset=true"]
    ])
    const { stdout } = await runOk(command.file, command.args)
    const lines = stdout.split("\n").filter((line) => line.includes("\t"))
    const ours = [0, 1].reduce((sum, partition) => sum + after.get(`${name}-${partition}`)!.records.size, 0)
    const going = lines.filter((line) => marked.keys.some((key) => line.includes(key)))
    report.none(`Java's consumer of ${name}: erased keys`, going)
    report.check(`Java's consumer of ${name}: records`, lines.length === ours, String(lines.length), String(ours))
  }
}

const checkSql = async ({ report, server }: World, after: ReadonlyMap<string, Read>) => {
  const going = marked.keys.map((key) => `'${key}'`).join()
  const rows = await server.query(`select count(*), count(*) filter (where kafka.as_text(key) in (${going})) from
    kafka.records('rows', max => null)`)
  // Aborted ones are nobody's rows.
  const ours = [0, 1].reduce((sum, partition) => sum + after.get(`rows-${partition}`)!.records.size, 0)
  report.check(
    "kafka.records: erased keys",
    rows[0]![1] === "0",
    `${rows[0]![1]} of ${rows[0]![0]}`,
    `0 of at most ${ours}`
  )
}

await runBench(async (ending) => {
  const report = new Report()
  const world = await startWorld(ending, report, {}, { "log.cleaner.backoff.ms": "500" })
  if (typeof world === "string") throw new Error(world)
  const { bootstrap, server, session } = world
  const wire = await fillAll(world)
  await sleep(3000)
  const before = await readAll(wire)
  await server.query("checkpoint")
  const files = countInFiles(server.folder, marked.gone)
  report.check("files: values that are to go are found before", files.size > 0, `in ${files.size} files`, "in some")
  const sql = await session()
  const ask = async (keys: ReadonlyArray<string>, vacuum = false) => {
    for (const name of Object.keys(TOPICS)) {
      for (const key of keys) await sql.query(`select kafka.erase('${name}', key => '${key}', vacuum => ${vacuum})`)
    }
  }
  const load = await EraseLoad.start(bootstrap, Number(options.seconds))
  const ratios: Array<number> = []
  let alone = await load.rate()
  for (const key of marked.keys.slice(0, 3)) {
    const [last] = await sql.query("select coalesce(max(erasure_id), 0) from kafka.erasures")
    await ask([key])
    const beside = await load.rate()
    const [busy] = await sql.query("select count(*) from kafka.erasures where state <> 'done'")
    await untilDone(world, 0, Number(last![0]))
    const after = await load.rate()
    ratios.push(beside / ((alone + after) / 2))
    const isBusy = busy![0] === "0" ? "not to the end" : "to the end"
    report.note(
      "batches a second",
      `${[alone, beside, after].map((rate) => rate.toFixed(0)).join(", ")}; erased ${isBusy}`
    )
    alone = after
  }
  const ratio = ratios.toSorted((a, b) => a - b)[1]!
  report.check("produce beside an erasure", ratio >= 0.8, ratio.toFixed(2), "at least 0.8")
  load.close()

  await ask(marked.keys.slice(3, -1))
  await ask(marked.keys.slice(-1), true)
  const took = await untilDone(world, Number(options.kills))
  report.note("the other keys, through kills of the broker", `${took.toFixed(1)} s`)
  const [row] = await sql.query(`select count(*), count(key), bool_and(wal_position is not null), sum(records),
    count(vacuumed_at) from kafka.erasures`)
  const asked = marked.keys.length * 3
  report.check(
    "kafka.erasures: done, keys gone, WAL positions",
    row!.slice(0, 3).join() === `${asked},0,t`,
    `${row}`,
    "all"
  )
  report.check("vacuumed", row![4] === "3", String(row![4]), "3")
  wire.close()
  const other = await Wire.connect(bootstrap)
  const after = await readAll(other, true)
  other.close()
  checkLogs(report, before, after)
  await checkSql(world, after)
  await checkJava(world, after)
  await checkTables(world)
  await world.broker.stop()
  await checkFiles(world)
  report.summary()
})
