import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import { USERS } from "./limits.ts"

/** One is for a client-id, the other for a user: limits in bytes a second, all less than what is used at times. */
const PRODUCER = { entityType: "client-id", entityName: "p1", key: "producer_byte_rate", limits: [60, 100, 140] }
const CONSUMER = { entityType: "user", entityName: USERS[0]!, key: "consumer_byte_rate", limits: [40, 60, 80] }
const QUOTAS = [PRODUCER, CONSUMER]

/** Somebody who slows clients down, until the world is calm: nothing of theirs is lost, or there twice, for that. */
export const quotaAdmin = (shared: ClientWorld, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "quotas")
    const { chance } = client
    // Before most of what it produces.
    yield* Effect.ignore(alter(client, PRODUCER, chance.pick(PRODUCER.limits)))
    while (!isCalm()) {
      yield* Effect.sleep(chance.between(500, 4000))
      const quota = chance.pick(QUOTAS)
      yield* Effect.ignore(alter(client, quota, chance.permille(250) ? undefined : chance.pick(quota.limits)))
    }
    for (const quota of QUOTAS) {
      while (true) {
        const errorCode = yield* Effect.result(alter(client, quota, undefined))
        if (Result.isSuccess(errorCode) && errorCode.success === 0) break
        yield* Effect.sleep(200)
      }
    }
    client.disconnect()
  })

const alter = (client: Client, { entityName, entityType, key }: typeof PRODUCER, value: number | undefined) =>
  Effect.map(
    client.call(AlterClientQuotas, 1, {
      entries: [
        { entity: [{ entityType, entityName }], ops: [{ key, value: value ?? 0, remove: value === undefined }] }
      ],
      validateOnly: false
    }),
    ({ entries }) => {
      const { errorCode } = entries[0]!
      client.log(`${key} of ${entityName} is ${value}: error ${errorCode}`)
      return errorCode
    }
  )
