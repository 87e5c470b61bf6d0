import { shown } from "./History.ts"
import type { Findings, History, Seen } from "./History.ts"
import type { Load } from "./Load.ts"
import type { Report } from "./Report.ts"

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

export interface Bars {
  /** Longest time, in milliseconds, that a producer may be without an acknowledgement, and why so long. */
  readonly pause: { readonly from: number; readonly most: number; readonly bar: string }
  /** Records that may be gone: those of which this holds. Of all others none is. */
  readonly mayBeLost?: (ack: { readonly partition: number; readonly offset: number; readonly at: number }) => boolean
}

/** The longest pause since a moment, against its bar. */
const judgePause = (report: Report, name: string, history: History, { pause }: Bars, to: number): void => {
  const longest = history.longestPause(pause.from, to)
  report.check(
    `${name}: longest pause`,
    longest.ms <= pause.most,
    `${seconds(longest.ms)}, ${longest.client}`,
    `at most ${seconds(pause.most)}, ${pause.bar}`
  )
}

/** Stops the load and holds all that its clients were told against what is stored. */
export const judge = async (report: Report, name: string, load: Load, bars: Bars): Promise<ReadonlyArray<Seen>> => {
  const { history } = load
  // Who is sending still has to be answered as well.
  const to = Date.now()
  await load.stop()
  const stored = await load.stored()
  const findings = history.check(stored)
  report.note(`${name}: acknowledged`, `${findings.acknowledged} records; codes ${codes(history)}`)
  judgeLoss(report, name, history, findings, bars)
  report.none(`${name}: doubled`, findings.doubled)
  report.none(`${name}: reordered`, findings.reordered)
  report.none(`${name}: offsets with two values`, findings.twoValues)
  report.none(`${name}: epochs that go back`, findings.epochsBack)
  report.none(`${name}: ids given twice`, findings.idsTwice)
  report.none(`${name}: consumers that went back or began anew`, [...findings.resets, ...findings.wentBack])
  if (load.hasReaders) report.none(`${name}: records that no consumer was given`, findings.missed)
  judgePause(report, name, history, bars, to)
  report.none(`${name}: clients that failed`, history.errors)
  // Where records of an idempotent producer are gone, Kafka ends it as well.
  if (bars.mayBeLost === undefined) report.none(`${name}: producers of librdkafka that failed`, history.renewed)
  else report.note(`${name}: producers of librdkafka made anew`, `${history.renewed.length}`)
  return stored
}

const judgeLoss = (
  report: Report,
  name: string,
  history: History,
  { acknowledged, lost }: Findings,
  { mayBeLost }: Bars
): void => {
  if (mayBeLost === undefined)
    return report.none(`${name}: acknowledged and lost`, lost.map(shown), `0 of ${acknowledged}`)
  const tail = new Set([...history.acks].filter(([, ack]) => mayBeLost(ack)).map(([value]) => value))
  const others = lost.filter(({ value }) => !tail.has(value))
  report.check(
    `${name}: lost is the tail that was not replicated`,
    tail.size > 0 && others.length === 0 && lost.length === tail.size,
    `${lost.length} lost of a tail of ${tail.size}, ${others.length} others${others
      .slice(0, 2)
      .map((one) => ` ${shown(one)}`)
      .join()}`,
    "all of the tail and nothing else"
  )
}

const codes = (history: History): string =>
  [...history.codes].map(([code, count]) => `${count} × ${named(code)}`).join(", ") || "none"

const named = (code: number): string => (code === -1 ? "closed" : code === -2 ? "no answer" : `${code}`)
