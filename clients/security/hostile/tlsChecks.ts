/** What a listener of TLS offers, asked by OpenSSL's own client and, where it is installed, by testssl. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Report } from "../../../bench/groups/Report.ts"
import { startHostileTusk } from "./HostileTusk.ts"
import type { HostileTusk } from "./HostileTusk.ts"
import { rsaPair } from "./slowSockets.ts"

const OPENSSL_MS = 10_000
const TESTSSL_MS = 240_000

/** All that a program prints; undefined if it is not there. `input` is said a second after its start, and then no more. */
const run = (
  program: string,
  args: ReadonlyArray<string>,
  timeoutMs: number,
  input?: string
): Promise<string | undefined> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs })
    let text = ""
    const keep = (bytes: Buffer) => (text += bytes.toString("latin1"))
    child.stdout.on("data", keep)
    child.stderr.on("data", keep)
    child.stdin.on("error", () => {})
    child.on("error", () => resolve(undefined))
    child.on("close", () => resolve(text))
    if (input === undefined) return void child.stdin.end()
    setTimeout(() => child.stdin.write(input), 1000)
    setTimeout(() => child.stdin.end(), 2500)
  })

const LEVEL = "@SECLEVEL=0"
/** Suites of TLS 1.2 that nobody should have: without authentication or encryption, old ones, CBC, without forward secrecy. */
const WEAK = ["aNULL", "eNULL", "RC4", "3DES", "SEED", "CAMELLIA", "AESCCM", "ARIA", "kRSA", "SHA1", "SHA256:!AESGCM"]

/** What the client of OpenSSL is to be refused. */
const REFUSED: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>]> = [
  ["TLS 1.0", ["-tls1", "-cipher", `ALL:${LEVEL}`]],
  ["TLS 1.1", ["-tls1_1", "-cipher", `ALL:${LEVEL}`]],
  ...WEAK.map((cipher) => [`TLS 1.2 by ${cipher}`, ["-tls1_2", "-cipher", `${cipher}:${LEVEL}`]] as const),
  ["TLS 1.2 by DHE", ["-tls1_2", "-cipher", `DHE:${LEVEL}`]],
  ["curve P-192", ["-tls1_2", "-groups", "P-192"]],
  ["curve P-224", ["-tls1_2", "-groups", "P-224"]],
  ["curve secp256k1", ["-tls1_2", "-groups", "secp256k1"]]
]

const byOpenSsl = async (name: string, { ports }: HostileTusk, report: Report) => {
  const ask = (args: ReadonlyArray<string>, input?: string) =>
    run("openssl", ["s_client", "-connect", `127.0.0.1:${ports.SSL}`, ...args], OPENSSL_MS, input)
  const right = await ask(["-tls1_2"])
  if (right === undefined) return report.note(`${name}: openssl`, "skipped: it is not installed")
  report.check(`${name}: no compression`, right.includes("Compression: NONE"), "Compression: NONE", "TLS 1.2")
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const met = /New, (TLSv1\.\d), Cipher is (?!\(NONE\))(\S+)/.exec((await ask([version])) ?? "")
    report.check(`${name}: ${version}`, met !== null, met?.[2] ?? "refused", "served")
  }
  for (const [what, args] of REFUSED) {
    const text = (await ask(args)) ?? ""
    const met = /Cipher is (?!\(NONE\))(\S+)/.exec(text)
    report.check(`${name}: no ${what}`, met === null, met?.[1] ?? "refused", "refused")
  }
  const again = (await ask(["-tls1_2"], "R\n")) ?? ""
  const isRefused = /RENEGOTIATING[^]*(?:no renegotiation|alert|error)/i.test(again)
  report.check(`${name}: no renegotiation`, isRefused, isRefused ? "refused" : "done", "refused")
}

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** A certificate for trying signs itself: what is said of that is no finding here, only of protocols, suites, curves, faults. */
const ASKED = ["-p", "-s", "-f", "-R", "-C", "-H", "-T", "-F"]

const byTestSsl = async (name: string, { folder, ports }: HostileTusk, report: Report) => {
  const file = join(folder, "testssl.json")
  const quiet = ["--quiet", "--color", "0", "--warnings", "off", "--openssl-timeout", "5", "--connect-timeout", "5"]
  const args = [...quiet, "--jsonfile", file, ...ASKED, `127.0.0.1:${ports.SSL}`]
  const text = await run("testssl", args, TESTSSL_MS)
  if (text === undefined) return report.note(`${name}: testssl`, "skipped: it is not installed")
  const findings = JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<Finding>
  const bad = findings.filter(({ severity }) => ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity))
  const told = bad.map(({ finding, id, severity }) => `${severity} ${id}: ${finding}`).join("; ")
  report.check(
    `${name}: testssl finds nothing`,
    bad.length === 0,
    told || `${findings.length} findings, all fine`,
    "none"
  )
}

export const tlsChecks = async (report: Report): Promise<void> => {
  for (const name of ["ecdsa", "rsa"]) {
    const tusk = await startHostileTusk(name === "rsa" ? { certificate: rsaPair() } : {})
    try {
      await byOpenSsl(name, tusk, report)
      await byTestSsl(name, tusk, report)
    } finally {
      await tusk.stop()
    }
  }
}
