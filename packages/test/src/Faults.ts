import { errorNamed, errorNames } from "@tusk/protocol/KafkaError"
import type { KafkaErrorName } from "@tusk/protocol/KafkaError"
import type { ApiName } from "@tusk/protocol/messages/index"
import { servedApis } from "@tusk/server/handlers/ApiTable"
import type { FaultOf, NamedTopic, RequestFault } from "@tusk/server/request/RequestFaults"
import * as Effect from "effect/Effect"
import { checkCount, checkKeys, checkOneOf, unknownName } from "./refused.ts"

/** Which requests a fault is done to. */
export interface FaultTarget {
  /** Kafka's name of the API: "Produce". */
  readonly api: ApiName
  /** Only requests that name this topic. */
  readonly topic?: string
  /** So many requests; all if nothing is said. */
  readonly times?: number
}

/** Requests are handled so many milliseconds later, of real time. */
export interface DelayFault extends FaultTarget {
  readonly ms: number
}

/** Requests are not handled: they are answered this error. */
export interface ErrorFault extends FaultTarget {
  readonly error: KafkaErrorName
}

/** The connection is cut before a request is handled, or after it took effect and before it is answered. */
export interface CutFault extends FaultTarget {
  readonly when: "before" | "after"
}

/** A fault that is in force. */
export interface Fault {
  /** Requests that it was done to. */
  readonly hits: number
  /** It is done to no further request; those that it delays go on. */
  readonly clear: () => void
}

const TARGET = ["api", "topic", "times"]

interface Effects {
  readonly ms?: number
  readonly error?: ErrorFault["error"]
  readonly when?: CutFault["when"]
}

class FaultInForce implements Fault {
  hits = 0
  readonly target: FaultTarget
  readonly effects: Effects
  readonly #all: Set<FaultInForce>
  readonly #waiting = new Set<() => void>()

  constructor(all: Set<FaultInForce>, target: FaultTarget, effects: Effects) {
    this.#all = all
    this.target = target
    this.effects = effects
  }

  hit(): void {
    this.hits++
    if (this.hits === this.target.times) this.#all.delete(this)
  }

  readonly clear = (): void => {
    this.#all.delete(this)
    for (const goOn of Array.from(this.#waiting)) goOn()
  }

  wait(ms: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const over = () => {
        clearTimeout(timer)
        this.#waiting.delete(over)
        resume(Effect.void)
      }
      const timer = setTimeout(over, ms)
      timer.unref()
      this.#waiting.add(over)
      return Effect.sync(over)
    })
  }
}

/** Faults on purpose, as many at a time as there are: delays add up, of errors and of cuts the first one counts. */
export class Faults {
  readonly #all = new Set<FaultInForce>()
  readonly #delaying = new Set<FaultInForce>()
  /** The name of a topic that a request knows by its id. */
  #nameOf: (topicId: string) => string | undefined = () => undefined

  readonly delay = (fault: DelayFault): Fault => {
    checkCount("faults.delay.ms", checked("faults.delay", fault, "ms").ms, 0)
    const made = this.#add(fault, { ms: fault.ms })
    this.#delaying.add(made)
    return made
  }

  readonly fail = (fault: ErrorFault): Fault => {
    const { error } = checked("faults.fail", fault, "error")
    if (!errorNames().includes(error)) throw unknownName("faults.fail: error", String(error), errorNames())
    return this.#add(fault, { error })
  }

  readonly cut = (fault: CutFault): Fault => {
    checkOneOf("faults.cut.when", checked("faults.cut", fault, "when").when, ["before", "after"])
    return this.#add(fault, { when: fault.when })
  }

  /** No fault is in force any more. */
  readonly clear = (): void => {
    for (const fault of [...this.#all, ...this.#delaying]) fault.clear()
    this.#delaying.clear()
  }

  /** What is done to a request, for the broker. */
  readonly faultOf: FaultOf = (api, { topicIds = [], topics = [] }) => {
    if (this.#all.size === 0) return undefined
    const names = (topic: string) =>
      topics.includes(topic) || topicIds.some((topicId) => this.#nameOf(topicId) === topic)
    const hit = Array.from(this.#all).filter(
      ({ target }) => target.api === api && (target.topic === undefined || names(target.topic))
    )
    for (const fault of hit) fault.hit()
    return hit.length === 0 ? undefined : this.#together(hit)
  }

  /** Topic ids are looked up so from now on. */
  knowTopics(nameOf: (topicId: string) => string | undefined): void {
    this.#nameOf = nameOf
  }

  #add(target: FaultTarget, effects: Effects): FaultInForce {
    const fault = new FaultInForce(this.#all, target, effects)
    this.#all.add(fault)
    return fault
  }

  #together(hit: ReadonlyArray<FaultInForce>): RequestFault {
    const delays = hit.flatMap((fault) => (fault.effects.ms === undefined ? [] : [fault.wait(fault.effects.ms)]))
    const failing = hit.find(({ effects }) => effects.error !== undefined)
    const cutting = hit.find(({ effects }) => effects.when !== undefined)
    return {
      ...(delays.length === 0 ? {} : { delay: Effect.all(delays, { discard: true }) }),
      ...(cutting === undefined ? {} : { cut: cutting.effects.when! }),
      ...(failing === undefined ? {} : { refusal: this.#refusal(failing) })
    }
  }

  #refusal({ effects, target: { topic } }: FaultInForce): NonNullable<RequestFault["refusal"]> {
    const error = errorNamed(effects.error!, "a fault of the test")
    if (topic === undefined) return { error }
    const isFor = ({ name, topicId }: NamedTopic) =>
      name === topic || (topicId !== undefined && this.#nameOf(topicId) === topic)
    return { error, isFor }
  }
}

/** Throws what is wrong with a fault, by name. */
const checked = <F extends FaultTarget>(where: string, fault: F, own: keyof F & string): F => {
  checkKeys(where, fault, [...TARGET, own])
  if (!servedApis.includes(fault.api)) throw unknownName(`${where}: api`, String(fault.api), servedApis)
  checkCount(`${where}.times`, fault.times, 1)
  if (fault[own] === undefined) throw new TypeError(`${where}: ${own} is missing`)
  return fault
}
