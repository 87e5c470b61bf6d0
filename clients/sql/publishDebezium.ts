import { javaCommand, javaMissing, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { createTopic } from "../failover/Asking.ts"
import type { World } from "./World.ts"

/** A column of each kind, with a value, what Debezium's schema calls it, and what is left of it in JSON without a schema. */
const COLUMNS: ReadonlyArray<readonly [name: string, type: string, value: string, schema: string, json: string]> = [
  ["small", "int2", "7", "int16", "7"],
  ["big", "int8", "9007199254740993", "int64", "9007199254740993"],
  ["real", "float4", "1.5", "float32", "1.5"],
  ["double", "float8", "0.1", "float64", "0.1"],
  ["amount", "numeric(12,2)", "12.50", "string", '"12.50"'],
  ["money", "money", "1234.5", "string", '"$1,234.50"'],
  ["yes", "bool", "true", "boolean", "true"],
  ["text", "text", "'a \"quoted\" ü'", "string", '"a \\"quoted\\" ü"'],
  ["code", "char(3)", "'ab'", "string", '"ab "'],
  ["bytes", "bytea", "'\\x00ff'", "bytes", '"AP8="'],
  ["day", "date", "'2026-01-02'", "io.debezium.time.Date", "20455"],
  ["at_time", "time", "'10:11:12.5'", "io.debezium.time.MicroTime", "36672500000"],
  ["at_time3", "time(3)", "'10:11:12.5'", "io.debezium.time.Time", "36672500"],
  ["zoned_time", "timetz", "'10:11:12+02'", "io.debezium.time.ZonedTime", '"08:11:12Z"'],
  ["local", "timestamp", "'2026-01-02 03:04:05.678901'", "io.debezium.time.MicroTimestamp", "1767323045678901"],
  ["local3", "timestamp(3)", "'2026-01-02 03:04:05.678'", "io.debezium.time.Timestamp", "1767323045678"],
  [
    "zoned",
    "timestamptz",
    "'2026-01-02 03:04:05.678+02'",
    "io.debezium.time.ZonedTimestamp",
    '"2026-01-02T01:04:05.678Z"'
  ],
  ["span", "interval", "'1 day 01:00:00.5'", "io.debezium.time.MicroDuration", "90000500000"],
  [
    "uuid",
    "uuid",
    "'00000000-0000-0000-0000-00000000000a'",
    "io.debezium.data.Uuid",
    '"00000000-0000-0000-0000-00000000000a"'
  ],
  ["json", "jsonb", `'{"a": [1, null]}'`, "io.debezium.data.Json", '"{\\"a\\": [1, null]}"'],
  ["mood", "public.mood", "'ok'", "io.debezium.data.Enum", '"ok"'],
  ["numbers", "int4[]", "'{1,NULL,3}'", "array", "[1,null,3]"],
  ["moods", "public.mood[]", "'{ok,sad}'", "array", '["ok","sad"]'],
  ["address", "inet", "'10.0.0.1'", "string", '"10.0.0.1"'],
  ["positive", "public.positive", "5", "int32", "5"]
]

const TABLE = `
  create type public.mood as enum ('sad', 'ok');
  create domain public.positive as int4 check (value > 0);
  create table public.things (id int4 primary key, ${COLUMNS.map(([name, type]) => `"${name}" ${type}`).join(", ")});
  insert into public.things values (1, ${COLUMNS.map(([, , value]) => value).join(", ")});
  insert into public.things (id) values (2), (3)`

/** Debezium's own transformation reads the envelopes: what is left of them are the rows (bar 2). */
export const debeziumReads = async (world: World): Promise<void> => {
  const { bootstrap, report, server, session } = world
  const missing = await javaMissing()
  if (missing !== undefined) return report.skip("debezium", missing)
  const { classpath } = await prepareJava("debezium")
  const sql = await session()
  await sql.query(TABLE)
  await createTopic(bootstrap, "things", 2)
  await sql.query("select kafka.publish_table('public.things', topic => 'things', key => 'id', format => 'debezium')")
  const isLive = () => server.number("select count(*) from kafka.publications where state <> 'live'")
  await holdsWithin(30_000, async () => (await isLive()) === 0, 50)
  await sql.query("update public.things set small = 8 where id = 2")
  await sql.query("update public.things set id = 4 where id = 3")
  await sql.query("insert into public.things (id) values (5); delete from public.things where id = 5")
  // The function is made for the new column, or the trigger sees for itself.
  await sql.query("alter table public.things add column later text; update public.things set later = 'x' where id = 4")
  await holdsWithin(30_000, async () => (await server.number("select count(*) from kafka.outbox")) === 0, 50)
  const { args, file } = javaCommand(classpath, "tusk.Unwrap", [bootstrap, "things"])
  const { stdout } = await runOk(file, args, { timeoutMs: 120_000 })
  const rows = new Map<string, string>()
  let schemas = ""
  let lines = 0
  for (const line of stdout.split("\n")) {
    const [, key, value, schema] = line.split("\t")
    if (key === undefined || value === undefined) continue
    lines++
    if (value === "null") rows.delete(key)
    else rows.set(key, value)
    if (schema !== undefined && schema !== "null") schemas = schema
  }
  const left = (id: number, more: string, filled = false) =>
    `{"id":${id},${COLUMNS.map(([name, , , , json]) => `"${name}":${filled ? json : "null"}`).join(",")}${more}}`
  const wanted = new Map([
    ['{"id":1}', left(1, "", true)],
    ['{"id":2}', left(2, "").replace('"small":null', '"small":8')],
    ['{"id":4}', left(4, ',"later":"x"')]
  ])
  const wrong = Array.from(new Set([...wanted.keys(), ...rows.keys()])).filter(
    (key) => rows.get(key) !== wanted.get(key)
  )
  report.none(
    `debezium: rows that ExtractNewRecordState leaves of ${lines} records, and that differ`,
    wrong.map((key) => `${key}: ${rows.get(key)} for ${wanted.get(key)}`)
  )
  const named = ["id:int32", ...COLUMNS.map(([name, , , schema]) => `${name}:${schema}?`), "later:string?"].join(",")
  report.none(
    "debezium: columns of another type than Debezium has",
    schemas === named ? [] : [`${schemas} for ${named}`]
  )
  sql.close()
}
