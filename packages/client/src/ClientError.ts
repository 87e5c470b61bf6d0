/** What may go wrong between a client and a broker, as values. `message` is one line for a person. */
import { errorInfo } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"

/** No connection to a broker comes about. */
export class BrokerUnreachable extends Data.TaggedError("BrokerUnreachable")<{
  readonly address: string
  readonly reason: string
}> {
  override get message(): string {
    return `cannot reach a broker at ${this.address}: ${this.reason}`
  }
}

/** A connection is gone, with requests on it that had no answer yet. */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  readonly address: string
  readonly reason: string
}> {
  override get message(): string {
    return `the connection to ${this.address} is lost: ${this.reason}`
  }
}

/** An answer did not come in time. The connection is closed then: later answers would be out of step. */
export class AnswerTimedOut extends Data.TaggedError("AnswerTimedOut")<{
  readonly address: string
  readonly api: string
  readonly timeoutMs: number
}> {
  override get message(): string {
    return `${this.address} did not answer ${this.api} within ${this.timeoutMs} ms`
  }
}

/** The broker has no version of an API that can say what is to be said. */
export class UnsupportedApi extends Data.TaggedError("UnsupportedApi")<{
  readonly address: string
  readonly api: string
  readonly reason: string
}> {
  override get message(): string {
    return `the broker at ${this.address} cannot do this (${this.api}): ${this.reason}`
  }
}

/** Bytes that are no answer. */
export class BadAnswer extends Data.TaggedError("BadAnswer")<{ readonly address: string; readonly reason: string }> {
  override get message(): string {
    return `${this.address} does not speak Kafka's protocol as it should: ${this.reason}`
  }
}

/** A broker's error code, and what it was about. */
export class Refused extends Data.TaggedError("Refused")<{
  /** Kafka's number. */
  readonly code: number
  /** What the request was about: `topic orders`. */
  readonly subject: string
  /** What the broker said, if it said anything. */
  readonly detail: string | null
}> {
  /** Kafka's name: `UNKNOWN_TOPIC_OR_PARTITION`. */
  get errorName(): string {
    return errorInfo(this.code)?.name ?? `error ${this.code}`
  }
  override get message(): string {
    const text = this.detail ?? errorInfo(this.code)?.text ?? ""
    return `${this.subject}: ${this.errorName}${text === "" ? "" : `: ${text.replaceAll(/\s*\n\s*/g, " ")}`}`
  }
}

/** Whatever a client may fail with. */
export type ClientError = BrokerUnreachable | ConnectionLost | AnswerTimedOut | UnsupportedApi | BadAnswer | Refused

/** The error of a code in an answer; undefined for none. */
export const refusalOf = (code: number, subject: string, detail: string | null = null): Refused | undefined =>
  code === 0 ? undefined : new Refused({ code, subject, detail })

/** Whether the same may succeed a little later, or by another broker. */
export const isRetriable = (error: ClientError): boolean => {
  switch (error._tag) {
    case "BrokerUnreachable":
    case "ConnectionLost":
    case "AnswerTimedOut":
      return true
    case "Refused":
      return errorInfo(error.code)?.retriable === true
    default:
      return false
  }
}
