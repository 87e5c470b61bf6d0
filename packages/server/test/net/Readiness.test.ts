import { describe, expect, it } from "@effect/vitest"
import { Produce } from "@tusk/protocol/messages/Produce"
import { Active } from "@tusk/storage/commit/Active"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { Rights } from "../security/Rights.ts"

const TOPIC_AUTHORIZATION_FAILED = 29

/** A broker that lacks a fresh proof of the cluster's lock when a test says so. */
const makeUnproven = () => {
  const proofs = makeSignal()
  const waits = Promise.withResolvers<void>()
  let isFresh = true
  /** Somebody waits for a proof. */
  const wait = Effect.sync(() => (isFresh ? undefined : waits.resolve()))
  const active = Layer.effect(
    Active,
    Effect.map(Active, (active) =>
      Active.of({
        ...active,
        isServing: () => isFresh,
        whenServing: Effect.andThen(
          wait,
          proofs.until(() => isFresh)
        )
      })
    )
  ).pipe(Layer.provide(Active.layer))
  return {
    active,
    waits: waits.promise,
    become: (fresh: boolean) => {
      isFresh = fresh
      proofs.notify()
    }
  }
}

describe("without a fresh proof of the lock", () => {
  it("no producer is refused for want of a right, which it may have been given elsewhere", async () => {
    const { active, become, waits } = makeUnproven()
    const rights = new Rights()
    await using broker = await startBroker({}, { parts: { active }, authorizer: rights })
    await broker.createTopic("t")
    const client = await broker.connect()
    const produce = async (): Promise<number> => {
      const { responses } = await client.call(Produce, 9, {
        acks: -1,
        timeoutMs: 5000,
        topicData: [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
      })
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    rights.without("write topic t")
    expect(await produce()).toBe(TOPIC_AUTHORIZATION_FAILED)

    become(false)
    const waiting = produce()
    expect(await Promise.race([waiting, waits])).toBeUndefined()
    rights.allow(() => true)
    become(true)
    expect(await waiting).toBe(0)
  })
})
