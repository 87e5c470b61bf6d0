/** Quotas as clients set them, and time as a test lets it pass. */
import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import type { WireClient } from "../../WireClient.ts"

/** Sets a quota; undefined takes it away. */
export const limit = async (
  broker: BrokerUnderTest,
  entity: Readonly<Record<string, string | null>>,
  key: string,
  value: number | undefined
): Promise<void> => {
  const client = await broker.connect()
  const { entries } = await client.call(AlterClientQuotas, 1, {
    entries: [
      {
        entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
        ops: [{ key, value: value ?? 0, remove: value === undefined }]
      }
    ]
  })
  if (entries[0]?.errorCode !== 0) throw new Error(`${key}: ${entries[0]?.errorMessage}`)
  await client[Symbol.asyncDispose]()
}

/** A client that names itself. */
export const named = async (broker: BrokerUnderTest, clientId: string): Promise<WireClient> => {
  const client = await broker.connect()
  client.clientId = clientId
  return client
}

/** The broker has done what it does at once: whoever asks meanwhile is answered. */
export const settled = (broker: BrokerUnderTest) => Effect.promise(() => broker.serves())

/** Deadlines are rung so much later at most. */
export const GRAIN_MS = 20

/** Lets time pass, and what falls due in it, and the broker get to work after. */
export const after = (broker: BrokerUnderTest, ms: number) =>
  Effect.andThen(TestClock.adjust(ms + GRAIN_MS), settled(broker))
