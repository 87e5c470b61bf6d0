/**
 * `npm run test:cli`: every command of `tusk` that talks to brokers, on Tusk (embedded Postgres) and on Apache Kafka, as a
 * process of its own. What it prints has to be equal, but for ids. A line a command; ends with 1 if one differs.
 */
import { isDeepStrictEqual } from "node:util"
import { fileURLToPath } from "node:url"
import { runBench } from "../../bench/Ending.ts"
import { javaMissing, startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import { run } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import { steps } from "./steps.ts"
import type { Step } from "./steps.ts"

const launcher = fileURLToPath(new URL("../../packages/cli/bin/tusk.mjs", import.meta.url))

interface Told {
  readonly exit: number | null
  readonly stdout: unknown
  /** The error's name, without the broker's words. */
  readonly error: string
}

/** Values without the keys that differ by right, lists of lines parsed. */
const compared = (text: string, ignore: Step["ignore"]): unknown => {
  if (ignore === "all") return null
  const drop = (key: string, value: any): unknown => {
    if (Array.isArray(value)) return value.filter((each) => ignore?.includes(each?.name) !== true)
    return ignore?.includes(key) === true ? undefined : value
  }
  try {
    return JSON.parse(text, drop)
  } catch {
    return text
  }
}

const tell = async (bootstrap: string, { args, ignore, stdin }: Step): Promise<Told> => {
  const { code, stderr, stdout } = await run(
    process.execPath,
    ["--conditions=tusk-source", launcher, ...args, "-b", bootstrap],
    { stdin: stdin ?? "", timeoutMs: 60_000 }
  )
  return { exit: code, stdout: compared(stdout, ignore), error: /\b[A-Z][A-Z_]{5,}\b/.exec(stderr)?.[0] ?? "" }
}

await runBench(async (ending) => {
  const missing = await javaMissing()
  if (missing !== undefined) {
    process.stdout.write(`skipped: ${missing}\n`)
    return
  }
  const settings = { "num.partitions": "4", "group.initial.rebalance.delay.ms": "0" }
  const tusk = await ending.stopping(startTusk({ storage: "embedded", settings }))
  const kafka = await ending.stopping(startApacheKafka())
  let failed = 0
  for (const step of steps) {
    const [ours, theirs] = await Promise.all([tell(tusk.bootstrap, step), tell(kafka.bootstrap, step)])
    const isRight = ours.exit === (step.exit ?? 0) && isDeepStrictEqual(ours, theirs)
    if (!isRight) failed++
    process.stdout.write(`${isRight ? "equal    " : "DIFFERENT"}  tusk ${step.args.join(" ")}\n`)
    if (!isRight) {
      process.stdout.write(
        `  Tusk   ${JSON.stringify(ours).slice(0, 2000)}\n  Kafka  ${JSON.stringify(theirs).slice(0, 2000)}\n`
      )
    }
  }
  process.stdout.write(`${steps.length - failed} of ${steps.length} commands are equal on ${kafka.name}\n`)
  if (failed > 0) process.exitCode = 1
})
