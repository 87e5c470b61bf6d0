/** What the name of an object of batches says. */
export interface ParsedName {
  /** Of the process that put it. */
  readonly incarnation: string
  /** When, in milliseconds of its wall clock. */
  readonly timeMs: number
  /** Rises from object to object of a process. */
  readonly number: number
}

const TIME_DIGITS = 9
const NAME = /^([a-z]{8})\/([0-9a-z]{9})-([0-9]{1,15})$/

/** `<cluster id>/<incarnation>/<time in ms, base 36, 9 digits>-<number>`: no name is given twice. */
export const objectName = (clusterId: string, { incarnation, number, timeMs }: ParsedName): string =>
  `${clusterId}/${incarnation}/${timeMs.toString(36).padStart(TIME_DIGITS, "0")}-${number}`

/** Undefined: it is no such name of this cluster. */
export const parseObjectName = (clusterId: string, name: string): ParsedName | undefined => {
  if (!name.startsWith(`${clusterId}/`)) return undefined
  const [, incarnation, time, number] = NAME.exec(name.slice(clusterId.length + 1)) ?? []
  if (incarnation === undefined) return undefined
  return { incarnation, timeMs: Number.parseInt(time!, 36), number: Number(number) }
}
