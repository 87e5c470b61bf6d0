import { Tusk } from "@tusk/server/Tusk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Kafka, logLevel } from "kafkajs"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { run } from "../../bench/kafka/Program.ts"
import { promtool } from "./Promtool.ts"

/** `npm run test:metrics`: a page of a running broker, the alert rules and the dashboard's queries, by Prometheus' own tool. */
const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** kafka_exporter's names, which Prometheus' naming rules would have otherwise. */
const ACCEPTED =
  /^kafka_consumergroup_(?:lag|current_offset)_sum non-histogram and non-summary metrics should not have "_sum" suffix$/

interface Check {
  readonly name: string
  readonly wrong: string | undefined
}

/** A broker in which there is something of everything, and its page. */
const pageOfBroker = Effect.gen(function* () {
  const context = yield* Layer.build(Tusk.layerMemory({ admin: { host: "127.0.0.1", port: 0 } }))
  const { admin, bootstrapServers } = Context.get(context, Tusk)
  return yield* Effect.promise(async () => {
    const kafka = new Kafka({ brokers: bootstrapServers.split(","), logLevel: logLevel.NOTHING })
    const [producer, consumer] = [kafka.producer(), kafka.consumer({ groupId: 'quoted "group" \\ \n' })]
    await producer.connect()
    await producer.send({ topic: "orders", messages: [{ value: "1" }, { value: "2" }] })
    await consumer.connect()
    await consumer.subscribe({ topic: "orders", fromBeginning: true })
    await new Promise<void>((resolve) => void consumer.run({ eachMessage: async () => resolve() }))
    const page = await (await fetch(`http://${admin!.host}:${admin!.port}/metrics`)).text()
    await Promise.all([producer.disconnect(), consumer.disconnect()])
    return page
  })
}).pipe(Effect.scoped)

const checkPage = async (tool: string): Promise<Check> => {
  const page = await Effect.runPromise(pageOfBroker)
  const { code, stderr, stdout } = await run(tool, ["check", "metrics"], { stdin: page })
  const problems = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "" && !ACCEPTED.test(line))
  // 3: it reads the page, and would have names otherwise.
  const wrong = (code !== 0 && code !== 3) || problems.length > 0 ? problems.join("\n") : undefined
  return { name: `a page of ${page.length} bytes`, wrong }
}

const checked = async (tool: string, name: string, args: ReadonlyArray<string>): Promise<Check> => {
  const { code, stderr, stdout } = await run(tool, args)
  return { name, wrong: code === 0 ? undefined : `${stdout}\n${stderr}` }
}

/** Every query of the dashboard as a rule, with Grafana's variables replaced. */
const checkDashboard = async (tool: string): Promise<Check> => {
  const dashboard = JSON.parse(readFileSync(fileOf("docker/grafana/tusk.json"), "utf8")) as {
    readonly panels: ReadonlyArray<{ readonly targets?: ReadonlyArray<{ readonly expr: string }> }>
  }
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const rules = queries.map((expr, i) => ({
    record: `query:${i}`,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, "x")
  }))
  const folder = mkdtempSync(join(tmpdir(), "tusk-dashboard-"))
  const file = join(folder, "queries.yaml")
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }))
  try {
    return await checked(tool, `${queries.length} queries of the dashboard`, ["check", "rules", file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const tool = await promtool()
if (tool === undefined) throw new Error("promtool is missing, and apt-get does not find it")
const checks = [
  await checkPage(tool),
  await checked(tool, "alert rules", ["check", "rules", fileOf("docker/prometheus/alerts.yaml")]),
  await checked(tool, "cases of the alert rules", ["test", "rules", fileOf("docker/prometheus/alerts.test.yaml")]),
  await checkDashboard(tool)
]
for (const { name, wrong } of checks) console.log(wrong === undefined ? `ok    ${name}` : `WRONG ${name}\n${wrong}`)
process.exit(checks.some(({ wrong }) => wrong !== undefined) ? 1 : 0)
