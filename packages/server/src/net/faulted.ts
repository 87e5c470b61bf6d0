import { errorCode } from "@tusk/protocol/KafkaError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Answering, Handle, Handler, Placing, TurnAway } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { FaultOf, NamedTopic, RequestFault } from "../request/RequestFaults.ts"

type Handled = Answering<any> | Placing<any>
type Refusal = NonNullable<RequestFault["refusal"]>
type Fields = Readonly<Record<string, unknown>>

interface Served {
  readonly handler: Handler
  readonly handle: Handle<any, any>
  readonly turnAway: TurnAway<any>
}

/** A handler's `handle`, to which faults are done on purpose. */
export const faulted =
  (faultOf: FaultOf, served: Served): Handle<any, any> =>
  (request, context) => {
    const { handler } = served
    const fault = faultOf(handler.api.name, handler.resources(request))
    if (fault === undefined) return served.handle(request, context)
    const begin = () => withFault(served, fault, request, context)
    return fault.delay === undefined ? begin() : later(handler, fault.delay, begin)
  }

/** Begins once `delay` is over. A concurrent request holds up those behind it until then: they keep their order. */
const later = ({ concurrent }: Handler, delay: Effect.Effect<void>, begin: () => Handled): Handled => {
  if (!concurrent) return Effect.flatMap(delay, () => answerOf(begin()))
  const begun = Deferred.makeUnsafe<Effect.Effect<void>>()
  const answer = Effect.gen(function* () {
    yield* delay
    const handled = begin()
    // Has come to its first wait, and so has its place in the Committer's queue, before the next one begins.
    const fiber = yield* Effect.forkChild(answerOf(handled), { startImmediately: true })
    Deferred.doneUnsafe(begun, Effect.succeed("placed" in handled ? handled.placed : Effect.void))
    return yield* Fiber.join(fiber)
  })
  return { placed: Effect.flatten(Deferred.await(begun)), answer }
}

const answerOf = (handled: Handled): Answering<any> => ("placed" in handled ? handled.answer : handled)

const withFault = (served: Served, fault: RequestFault, request: any, context: RequestContext): Handled => {
  const { handle, turnAway } = served
  const { cut, refusal } = fault
  if (cut === "before") {
    turnAway(request, context)
    return cutOff(context)
  }
  const handled = refusal === undefined ? handle(request, context) : refused(served, refusal, request, context)
  if (cut === undefined) return handled
  const answer = Effect.andThen(answerOf(handled), cutOff(context))
  return "placed" in handled ? { placed: handled.placed, answer } : answer
}

/** Ends the connection, and with it the fiber that waits here. */
const cutOff = ({ connection }: RequestContext): Effect.Effect<never> =>
  Effect.suspend(() => {
    connection.close("cut by a fault of a test")
    return Effect.never
  })

/** As any handler fails: `Dispatch` makes the answer of it. Of topics, what the others are answered stands beside it. */
const refused = (served: Served, { error, isFor }: Refusal, request: any, context: RequestContext): Handled => {
  const { handle, handler, turnAway } = served
  const parts = isFor === undefined ? undefined : partsOf(request, isFor)
  const refuse = handler.refuseTopics ?? handler.refuse
  const answer = parts && refuse(parts.named, errorCode(error), error, context)
  if (parts === undefined || !tellsOfTopics(answer)) {
    turnAway(request, context)
    return Effect.fail(error)
  }
  const { isEmpty, named, others } = parts
  turnAway(named, context)
  // What waits by itself would wait for nothing.
  if (isEmpty && handler.waitsMs(request) === Infinity) return Effect.succeed(answer)
  const handled = handle(others, context)
  const joined = Effect.map(answerOf(handled), (rest) => joinedAnswer(rest, answer))
  return "placed" in handled ? { placed: handled.placed, answer: joined } : joined
}

const topicOf = (element: unknown): NamedTopic | undefined => {
  if (typeof element === "string") return { name: element }
  if (typeof element !== "object" || element === null) return undefined
  const { name, topic, topicId, topicName } = element as Fields
  const said = [name, topic, topicName].find((text): text is string => typeof text === "string")
  if (typeof topicId !== "string") return said === undefined ? undefined : { name: said }
  return said === undefined ? { topicId } : { name: said, topicId }
}

/** A request cut in two by its lists of topics; undefined if none of them has one that is meant. */
const partsOf = (request: Fields, isFor: (topic: NamedTopic) => boolean) => {
  const [named, others]: [Record<string, unknown>, Record<string, unknown>] = [{ ...request }, { ...request }]
  const isMeant = (element: unknown): boolean => {
    const topic = topicOf(element)
    return topic !== undefined && isFor(topic)
  }
  let [isCut, isEmpty] = [false, true]
  for (const [field, value] of Object.entries(request)) {
    if (!Array.isArray(value) || !value.some(isMeant)) continue
    isCut = true
    const rest = value.filter((element) => !isMeant(element))
    if (rest.length > 0) isEmpty = false
    named[field] = value.filter(isMeant)
    others[field] = rest
  }
  return isCut ? { named, others, isEmpty } : undefined
}

const isOfTopics = (value: unknown): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && value.some((element) => topicOf(element) !== undefined)

/** Whether a refusal has its place beside the answer to others: some APIs have it only for all of a request. */
const tellsOfTopics = (refusal: Fields | undefined): boolean =>
  refusal !== undefined && Object.values(refusal).some(isOfTopics)

/** The answer to the others, with what is told of the refused topics in the same lists. */
const joinedAnswer = (rest: Fields | undefined, refusal: Fields | undefined): any => {
  if (rest === undefined || refusal === undefined) return undefined
  const joined: Record<string, unknown> = { ...rest }
  for (const [field, value] of Object.entries(refusal)) {
    const own = rest[field]
    if (isOfTopics(value) && Array.isArray(own)) joined[field] = [...own, ...value]
  }
  return joined
}
