/**
 * How clients get in, and how they are told that they do not: each client by each mechanism with logins that are right and
 * wrong, on Tusk and on Apache Kafka of the same version. `npm run test:security [-- --only Java,kafkajs] [--mechanism
 * PLAIN,mTLS] [--case right] [--against memory,embedded] [--at-once 4] [--times 1] [--verbose]`. The table of outcomes has
 * to be Apache Kafka's. Ends with 1 where it is not.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { Wire } from "../../bench/groups/Wire.ts"
import { SESSION_MS, starts } from "./matrix/Brokers.ts"
import type { Secured } from "./matrix/Brokers.ts"
import { CASES, loginOf, MECHANISMS, OWN_PASSWORD, TOKEN_SECONDS, UNKNOWN, USERS, without } from "./matrix/Cases.ts"
import type { Case, Mechanism } from "./matrix/Cases.ts"
import { makeCertificates, makeTokens } from "./matrix/Keys.ts"
import type { Certificates, Tokens } from "./matrix/Keys.ts"
import { outcomeOf } from "./matrix/Outcome.ts"
import { programs, start } from "./matrix/Programs.ts"
import type { Program, Told } from "./matrix/Programs.ts"
import { deleteUser, makeUsers, makeWorld } from "./matrix/World.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    mechanism: { type: "string" },
    case: { type: "string" },
    against: { type: "string", default: "memory" },
    "at-once": { type: "string", default: "4" },
    times: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false }
  }
})

/** Within which a client has to tell what comes of a step, on a machine at work. */
const STEP_MS = 10_000

const chosen = (name: string, by: string | undefined): boolean => by === undefined || by.split(",").includes(name)

interface Cell {
  readonly program: Program
  readonly mechanism: Mechanism
  readonly name: Case
  /** Topic, group and, where the run has one, user. */
  readonly own: string
  /** Which one of its kind it is, from 1. */
  readonly time: number
}

const log = (line: string) => process.stdout.write(`${line}\n`)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const left: Array<string> = []
const ready: Array<readonly [Program, Exclude<Awaited<ReturnType<Program["prepare"]>>, string>]> = []
for (const program of programs.filter(({ name }) => chosen(name, options.only))) {
  const command = await program.prepare()
  if (typeof command === "string") left.push(`${program.name}: ${command}`)
  else ready.push([program, command])
}
const commands = new Map(ready)

const cells: Array<Cell> = []
for (const [program] of ready) {
  for (const mechanism of MECHANISMS.filter((one) => chosen(one, options.mechanism))) {
    const why = program.without?.[mechanism]
    if (why !== undefined) {
      left.push(`${program.name}, ${mechanism}: ${why}`)
      continue
    }
    for (const name of CASES.filter((one) => chosen(one, options.case))) {
      if (without(mechanism, name) !== undefined) continue
      for (let time = 1; time <= Number(options.times); time++) {
        cells.push({ program, mechanism, name, own: `m${cells.length}`, time })
      }
    }
  }
}
for (const mechanism of MECHANISMS) {
  for (const name of CASES) {
    const why = without(mechanism, name)
    if (why !== undefined) left.push(`${mechanism}, ${name}: ${why}`)
  }
}

/** Of one cell: produce and consume, and both again where a session ends in between. */
const steps = async (cell: Cell, secured: Secured, wire: Wire, certificates: Certificates, tokens: Tokens) => {
  const { mechanism, name, own, program } = cell
  const login = loginOf(mechanism, name, own, certificates, tokens)
  if (login.isOwn) await makeUsers(wire, { [own]: OWN_PASSWORD })
  const { isLong, pair, password, token, user } = login
  const bootstrap = mechanism === "mTLS" ? secured.mtls : isLong ? secured.reauth : secured.sasl
  const files = { ca: certificates.ca, certificate: pair.certificate, key: pair.key }
  const began = Date.now()
  const running = start(commands.get(program)!, {
    ...{ bootstrap, mechanism, user, password, token, ...files, topic: own, group: own, timeoutMs: STEP_MS }
  })
  const told: Array<Told> = []
  try {
    for (const step of ["produce", "consume"] as const) told.push(await running.step(step))
    if (!isLong) return told
    if (login.isOwn) await deleteUser(wire, own)
    const isToken = mechanism === "OAUTHBEARER"
    await pause(isToken ? Math.max(0, began + TOKEN_SECONDS * 1000 + 1500 - Date.now()) : SESSION_MS + 1000)
    for (const step of ["produce", "consume"] as const) told.push(await running.step(step))
    return told
  } finally {
    await running.end()
  }
}

const nameOf = ({ mechanism, name, program, time }: Cell) =>
  `${program.name} | ${mechanism} | ${name}${options.times === "1" ? "" : ` ${time}`}`

type Table = ReadonlyMap<string, { readonly outcome: string; readonly said: string }>

const tableOf = async (against: keyof typeof starts, certificates: Certificates, tokens: Tokens): Promise<Table> => {
  const secured = await starts[against](USERS, certificates, tokens)
  const table = new Map<string, { outcome: string; said: string }>()
  try {
    const wire = await Wire.connect(secured.broker.bootstrap)
    const own = cells.map((cell) => cell.own)
    await makeWorld(wire, own, own)
    // By cases, so that not all who run at once are of one client, and as heavy.
    const waiting = CASES.flatMap((name) => cells.filter((cell) => cell.name === name))
    const work = async () => {
      for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
        const told = await steps(cell, secured, wire, certificates, tokens)
        const outcome = told.map(outcomeOf).join(", ")
        const said = told.map(({ error, said }) => `${error} (${said})`).join("; ")
        table.set(nameOf(cell), { outcome, said })
        if (options.verbose) log(`${against}: ${nameOf(cell)}: ${outcome}\n    ${said}`)
      }
    }
    await Promise.all(Array.from({ length: Number(options["at-once"]) }, work))
    wire.close()
  } finally {
    await secured.broker.stop()
  }
  return table
}

const folder = mkdtempSync(join(tmpdir(), "tusk-security-"))
chmodSync(folder, 0o755)
let wrong = 0
try {
  const [certificates, tokens] = [await makeCertificates(folder, [...Object.keys(USERS), UNKNOWN]), makeTokens(folder)]
  const expected = await tableOf("kafka", certificates, tokens)
  for (const against of options.against.split(",") as Array<keyof typeof starts>) {
    let [differ, unproven] = [0, 0]
    const found = await tableOf(against, certificates, tokens)
    log(`\n${against}: client | mechanism | case | outcome (produce, consume; again after the session's end)`)
    for (const cell of cells) {
      const [their, our] = [expected.get(nameOf(cell))!, found.get(nameOf(cell))!]
      // Who tells nothing in time, as on a machine with too much to do, proves nothing.
      if (their.outcome.includes("no outcome")) {
        unproven++
        log(`UNPROVEN ${nameOf(cell)} | kafka: ${their.outcome} | tusk: ${our.outcome}`)
        continue
      }
      if (their.outcome === our.outcome) {
        log(`same    ${nameOf(cell)} | ${our.outcome}`)
        continue
      }
      differ++
      log(`DIFFERS ${nameOf(cell)}`)
      log(`    kafka: ${their.outcome} | ${their.said}`)
      log(`    tusk:  ${our.outcome} | ${our.said}`)
    }
    log(`${cells.length} runs, ${differ} differ, ${unproven} unproven`)
    wrong += differ + unproven
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const one of left) log(`left out: ${one}`)
process.exitCode = wrong === 0 ? 0 : 1
