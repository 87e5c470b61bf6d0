import { MOST_NUMBER } from "./ConfigDefinition.ts"

/** PnDTnHnMn.nS (ISO 8601, days to seconds), at least one of them. */
export const ISO_DURATION = /P(?!$)(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d{1,9})?S)?)?/

const PARTS = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

/** In ms, a part of one dropped, at most 142,000 years; undefined if the text is no such duration. */
export const isoDurationMs = (text: string): number | undefined => {
  const parts = PARTS.exec(text)
  if (parts === null || !new RegExp(`^${ISO_DURATION.source}$`).test(text)) return undefined
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number
  ]
  return Math.min(MOST_NUMBER, Math.floor((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000))
}
