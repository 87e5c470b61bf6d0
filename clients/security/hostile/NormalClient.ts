/** A client that does what it always does, in a process of its own, and tells how long its requests took. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { quantile } from "../../../bench/groups/Report.ts"
import type { HostileTusk } from "./HostileTusk.ts"

export interface Pause {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** New connections over TLS, each with a first request. */
  readonly connects: number
  readonly connectP50Ms: number
  readonly connectMaxMs: number
  readonly failures: ReadonlyArray<string>
}

/** What the process tells. */
export interface Told {
  readonly requestsMs: ReadonlyArray<number>
  readonly connectsMs: ReadonlyArray<number>
  readonly failures: ReadonlyArray<string>
}

export interface NormalClient {
  /** How it went since the last time it was asked. */
  readonly since: () => Promise<Pause>
  readonly stop: () => void
}

/** A request every 5 ms on one connection, and a new connection every half second. */
export const startNormalClient = async (tusk: HostileTusk): Promise<NormalClient> => {
  const program = fileURLToPath(new URL("normal.ts", import.meta.url))
  const child = fork(program, [String(tusk.ports.SSL), tusk.certificate], { execArgv: ["--conditions=tusk-source"] })
  const ended = new Promise<never>((_, reject) =>
    child.once("exit", () => reject(new Error("the normal client ended")))
  )
  ended.catch(() => {})
  const next = () =>
    Promise.race([new Promise<Told>((resolve) => child.once("message", (told) => resolve(told as Told))), ended])
  const ask = () => {
    const told = next()
    child.send("tell")
    return told
  }
  await next()
  return {
    since: async () => {
      const { connectsMs, failures, requestsMs } = await ask()
      return {
        count: requestsMs.length,
        p50Ms: quantile(requestsMs, 0.5),
        p99Ms: quantile(requestsMs, 0.99),
        maxMs: quantile(requestsMs, 1),
        connects: connectsMs.length,
        connectP50Ms: quantile(connectsMs, 0.5),
        connectMaxMs: quantile(connectsMs, 1),
        failures
      }
    },
    stop: () => void child.kill("SIGKILL")
  }
}

export const shownPause = ({ connectMaxMs, connectP50Ms, connects, count, maxMs, p50Ms, p99Ms }: Pause): string =>
  `${count} requests, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, max ${maxMs.toFixed(0)} ms; ` +
  `${connects} new connections, p50 ${connectP50Ms.toFixed(0)} ms, max ${connectMaxMs.toFixed(0)} ms`
