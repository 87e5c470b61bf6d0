import { fork } from "node:child_process"
import { join } from "node:path"
import { cpuSeconds } from "../kafka/ProcessTree.ts"
import type { FilledLog } from "./Flow.ts"

/** What `generate.ts` does, in a process of its own: its CPU is not the broker's. */
export interface Job {
  readonly port: number
  readonly connections: number
  /** That pass before figures are taken. */
  readonly leadMs: number
  readonly measureMs: number
  readonly work:
    | { readonly kind: "produce"; readonly topic: string; readonly partitions: number; readonly kib: number }
    | { readonly kind: "consume"; readonly log: FilledLog }
}

/** What it tells once it has ended. Bytes are those of batches, with their framing. */
export interface Figures {
  readonly bytes: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Its own CPU. */
  readonly cpuSeconds: number
}

/** `began` and `ended` come as the time that counts begins and ends. */
export type Told = "began" | "ended" | Figures

export interface Measured {
  readonly mbPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Seconds of the broker's CPU, all its processes, for 1e9 bytes of batches. */
  readonly cpuPerGb: number
  /** Cores that the load itself took: near 1 it, and not the broker, was the limit. */
  readonly loadCores: number
}

const measuredOf = (figures: Figures, brokerSeconds: number): Measured => ({
  mbPerSecond: figures.bytes / 1_048_576 / figures.seconds,
  p50Ms: figures.p50Ms,
  p99Ms: figures.p99Ms,
  cpuPerGb: brokerSeconds / (figures.bytes / 1e9),
  loadCores: figures.cpuSeconds / figures.seconds
})

/** Runs the job; `pids` are the processes of the broker. The job's process ends with this one. */
export const load = (job: Job, pids: () => ReadonlyArray<number>): Promise<Measured> =>
  new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, "generate.ts"), [JSON.stringify(job)])
    let before = NaN
    let used = NaN
    let figures: Figures | undefined
    child.on("message", (told: Told) => {
      if (told === "began") before = cpuSeconds(pids())
      else if (told === "ended") used = cpuSeconds(pids()) - before
      else figures = told
    })
    child.once("error", reject)
    child.once("close", (code) => {
      if (figures === undefined) reject(new Error(`the load ended with ${code} and gave no figures`))
      else resolve(measuredOf(figures, used))
    })
  })
