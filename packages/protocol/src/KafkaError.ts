/**
 * Kafka's errors, as values. What raises one fails with it, or returns it in the place of a result; its code is what a
 * client gets. Each error is one place, in `errors/Raised.ts`. Source: Kafka 4.3.1's `Errors`, which the golden table
 * `errors` of the tests holds.
 *
 * @example
 * import { errorCode, errorInfo, OffsetOutOfRange } from "@tusk/protocol/KafkaError"
 *
 * const error = new OffsetOutOfRange({ message: "offset 7 is not within 0..5" })
 * errorCode(error) // 1
 * errorInfo(1).name // "OFFSET_OUT_OF_RANGE"
 */
import { again, type ErrorInfo, final, KafkaErrorBase, type UpperSnake } from "./errors/define.ts"
import * as Raised from "./errors/Raised.ts"
import { unraised, type UnraisedName } from "./errors/Unraised.ts"

export type { ErrorInfo, RecordError } from "./errors/define.ts"
export * from "./errors/Raised.ts"

/** Every error that Tusk raises: the union of all classes of `errors/Raised.ts`, told apart by `_tag`. */
export type KafkaError = InstanceType<(typeof Raised)[keyof typeof Raised]>

/** The code of "no error". */
export const NONE = 0

/** The code that stands for an error on the wire, an int16. */
export const errorCode = (error: KafkaError): number => error.code

/** Whether a value is one of Kafka's errors. */
export const isKafkaError = (value: unknown): value is KafkaError => value instanceof KafkaErrorBase

/** The text for an answer's error message: what the error was made with, or null. */
export const errorMessage = (error: KafkaError): string | null => error.message || null

let byCode: ReadonlyMap<number, ErrorInfo> | undefined

/** What a code stands for, raised here or not; undefined for one that Kafka 4.3.1 does not know. */
export const errorInfo = (code: number): ErrorInfo | undefined => {
  byCode ??= new Map(
    [
      { code: NONE, name: "NONE", retriable: false, text: null },
      ...Object.values(Raised).map(({ info }) => info),
      ...unraised
    ].map((info) => [info.code, info])
  )
  return byCode.get(code)
}

/** Kafka's name of an error, raised here or not. */
export type KafkaErrorName = UpperSnake<KafkaError["_tag"]> | UnraisedName

/** Every name, in order of codes. */
export const errorNames = (): ReadonlyArray<KafkaErrorName> => {
  errorInfo(NONE)
  return Array.from(byCode!.values())
    .filter(({ code }) => code !== NONE)
    .sort((a, b) => a.code - b.code)
    .map(({ name }) => name as KafkaErrorName)
}

/**
 * A value of the error of that name, for what fails on purpose. One that nothing here raises has its name for a tag, and is
 * no member of the union to those that tell errors apart.
 */
export const errorNamed = (name: KafkaErrorName, message: string): KafkaError => {
  const raised = Object.values(Raised).find(({ info }) => info.name === name)
  if (raised !== undefined) return new raised({ message })
  const { code, retriable } = unraised.find((info) => info.name === name)!
  const made = (retriable ? again : final)(name, code, message)
  return new made({ message }) as unknown as KafkaError
}
