/**
 * Clients that attack: `npm run test:hostile [-- --only mutated,slow,times,tls,secrets --frames 20000 --sockets 2000 --seed 7]`. Ends with
 * 1 where something fails. `slow` measures pauses: on a quiet machine.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Report } from "../../bench/groups/Report.ts"
import { mutatedFrames } from "./hostile/mutated.ts"
import { secretsStaySecret } from "./hostile/secrets.ts"
import { slowSockets } from "./hostile/slowSockets.ts"
import { refusalTimes } from "./hostile/times.ts"
import { tlsChecks } from "./hostile/tlsChecks.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    frames: { type: "string", default: "20000" },
    sockets: { type: "string", default: "2000" },
    seed: { type: "string", default: "7" }
  }
})

const report = new Report()
const parts: ReadonlyArray<readonly [name: string, run: () => Promise<void>]> = [
  ["mutated", () => mutatedFrames({ count: Number(options.frames), seed: Number(options.seed) }, report)],
  ["times", () => refusalTimes(report)],
  ["secrets", () => secretsStaySecret(report)],
  ["tls", () => tlsChecks(report)],
  ["slow", () => slowSockets({ sockets: Number(options.sockets), key: "ecdsa" }, report)],
  ["rsa", () => slowSockets({ sockets: Number(options.sockets), key: "rsa" }, report)]
]
const wanted = options.only === "" ? parts.map(([name]) => name) : options.only.split(",")
for (const [name, run] of parts) {
  if (!wanted.includes(name)) continue
  console.log(`# ${name}`)
  await report.attempt(name, run)
}
report.summary()
process.exit()
