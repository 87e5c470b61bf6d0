/** `error`: records are or will be lost, or Tusk does not serve; `warning`: it will hurt; `info`: worth knowing. */
export type Severity = "error" | "warning" | "info"

/** What a check found. All texts are one line. */
export interface Finding {
  readonly severity: Severity
  /** The check that found it. */
  readonly check: string
  readonly seen: string
  readonly why: string
  /** The command or setting that mends it; "" if there is nothing to do. */
  readonly remedy: string
}

/** What a judge says; its check adds the name. */
export type Verdict = Omit<Finding, "check">

const ORDER: ReadonlyArray<Severity> = ["error", "warning", "info"]

/** What hurts most comes first. */
export const bySeverity = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))

export const error = (seen: string, why: string, remedy: string): Verdict => ({ severity: "error", seen, why, remedy })
export const warning = (seen: string, why: string, remedy: string): Verdict => ({
  severity: "warning",
  seen,
  why,
  remedy
})
export const info = (seen: string, why: string, remedy = ""): Verdict => ({ severity: "info", seen, why, remedy })

/** Bytes for people. */
export const inBytes = (bytes: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** Seconds for people. */
export const inTime = (seconds: number): string => {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

/** Some of many names. */
export const some = (names: ReadonlyArray<string>, most = 5): string =>
  names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "")
