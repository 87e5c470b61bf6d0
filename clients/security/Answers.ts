import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeResponse } from "@tusk/protocol/Header"
import * as Result from "effect/Result"
import { Closed } from "../../bench/groups/Wire.ts"
import { forVersion } from "../../packages/server/test/WireClient.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { normalised } from "./Normal.ts"
import { connectAs, PRINCIPALS } from "./Principals.ts"
import type { Principal, Secured } from "./Principals.ts"
import type { Case } from "./Requests.ts"
import { makeWorld } from "./World.ts"
import type { World } from "./World.ts"

/** How long an answer may take: nothing here waits for anything. */
const PATIENCE_MS = 8000

const writer = new Writer()

/** The texts of a request: what comes back of them is no id of the broker's. */
const textsOf = (value: unknown, texts = new Set<string>()): ReadonlySet<string> => {
  if (typeof value === "string") texts.add(value)
  else if (Array.isArray(value)) for (const one of value) textsOf(one, texts)
  else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    for (const one of Object.values(value)) textsOf(one, texts)
  }
  return texts
}

const patiently = async (answer: Promise<Buffer>): Promise<Buffer | "no answer"> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<"no answer">((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, "no answer" as const)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

const ask = async (
  wire: Wire,
  { api, request, version }: Case,
  world: World,
  principal: Principal
): Promise<string> => {
  const body: any = forVersion(api, version, request(world, principal))
  const answered = wire.frame(api, version, body)
  if (api.name === "Produce" && body.acks === 0) return "nothing is said"
  try {
    const frame = await patiently(answered)
    if (frame === "no answer") {
      answered.catch(() => {})
      wire.close()
      return frame
    }
    const decoded = decodeResponse(api, version, frame)
    if (Result.isFailure(decoded)) return `not an answer: ${decoded.failure.message}`
    const { body: told, correlationId } = decoded.success
    const again = Buffer.concat(encodeResponse(api, version, correlationId, told, writer) as Array<Uint8Array>)
    // What the declaration does not know would be lost: the bytes have to be those that it writes.
    const bytes = again.subarray(4).equals(frame) ? "" : " (in other bytes)"
    return `${normalised(told, world, textsOf(body))}${bytes}`
  } catch (error) {
    if (error instanceof Closed) return "the connection is closed"
    throw error
  }
}

/** What a broker answers, by request and principal: in the order of the requests, all principals of one before the next. */
export const answersOf = async (
  secured: Secured,
  cases: ReadonlyArray<Case>,
  principals: ReadonlyArray<Principal> = PRINCIPALS
): Promise<ReadonlyMap<string, string>> => {
  const world = await makeWorld(secured)
  const wires = new Map<Principal, Wire>()
  const answers = new Map<string, string>()
  for (const each of cases) {
    for (const principal of principals) {
      if (each.notBy.includes(principal)) continue
      let wire = wires.get(principal)
      if (wire === undefined || wire.isClosed) wires.set(principal, (wire = await connectAs(secured, principal)))
      const name = `${each.name} by ${principal}`
      try {
        answers.set(name, await ask(wire, each, world, principal))
      } catch (cause) {
        throw new Error(name, { cause })
      }
    }
  }
  for (const wire of wires.values()) wire.close()
  return answers
}
