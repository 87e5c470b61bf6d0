/** What an error class is made of. */
import * as Data from "effect/Data"

/** A record that is refused with its batch (KIP-467). */
export interface RecordError {
  /** Its place in the batch: the first record is 0. */
  readonly index: number
  readonly message: string
}

/** What one error tells beside its code. */
export interface ErrorDetails {
  /** The text of the answer's error message, for APIs that have one. Without it the answer's text is null. */
  readonly message?: string
  /** The records that are to blame, for a Produce. */
  readonly recordErrors?: ReadonlyArray<RecordError>
  /** What led to it. No client is told. */
  readonly cause?: unknown
}

/** A code of Kafka 4.3.1. */
export interface ErrorInfo {
  /** The number on the wire, an int16: -1 to 133. */
  readonly code: number
  /** Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`. */
  readonly name: string
  /** True if a client may send the same request again: Kafka's `RetriableException`. */
  readonly retriable: boolean
  /** What the code says to a person; null for a code that nothing here raises. */
  readonly text: string | null
}

/** An answer of Kafka's, as a value. A request may make one for each partition, so that no stack is captured. */
export class KafkaErrorBase extends Data.Error<ErrorDetails> {
  constructor(details: ErrorDetails = {}) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(details)
    Error.stackTraceLimit = limit
  }
}

/** What each error has of its own. */
export interface Coded<Tag extends string> {
  /** Kafka's name in other letters: `NotLeaderOrFollower`. */
  readonly _tag: Tag
  /** The number on the wire. */
  readonly code: number
}

/** The base of one error's class. */
export interface ErrorClass<Tag extends string> {
  new (details?: ErrorDetails): KafkaErrorBase & Coded<Tag>
  readonly info: ErrorInfo
}

/** A tag in capitals with `_` between its words: `NOT_LEADER_OR_FOLLOWER`. `AfterSmall`: a small letter stood before. */
export type UpperSnake<
  Tag extends string,
  AfterSmall extends boolean = false
> = Tag extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${Uppercase<First>}${UpperSnake<Rest, true>}`
    : `${AfterSmall extends true ? "_" : ""}${First}${UpperSnake<Rest>}`
  : ""

const upperSnake = (tag: string): string => tag.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()

const define = <const Tag extends string>(info: ErrorInfo, tag: Tag): ErrorClass<Tag> =>
  class extends KafkaErrorBase {
    static readonly info = info
    readonly _tag: Tag = tag
    get code(): number {
      return info.code
    }
  }

/** The base of an error on which a client may send the same request again. */
export const again = <const Tag extends string>(tag: Tag, code: number, text: string): ErrorClass<Tag> =>
  define({ code, name: upperSnake(tag), retriable: true, text }, tag)

/** The base of an error on which a client may not send the same request again. */
export const final = <const Tag extends string>(tag: Tag, code: number, text: string): ErrorClass<Tag> =>
  define({ code, name: upperSnake(tag), retriable: false, text }, tag)
