import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import { USERS } from "./limits.ts"

/** One is for a client-id, the other for a user. */
const QUOTAS = [
  { entityType: "client-id", entityName: "p1", key: "producer_byte_rate" },
  { entityType: "user", entityName: USERS[0]!, key: "consumer_byte_rate" }
]
/** Bytes a second. No change of them holds anybody up for longer than the rate is taken. */
const LIMITS = [400, 600, 800]

/** Somebody who slows clients down, until the world is calm: nothing of theirs is lost, or there twice, for that. */
export const quotaAdmin = (shared: ClientWorld, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "quotas")
    const { chance } = client
    while (!isCalm()) {
      yield* Effect.sleep(chance.between(500, 4000))
      const value = chance.permille(250) ? undefined : chance.pick(LIMITS)
      yield* Effect.ignore(alter(client, chance.pick(QUOTAS), value))
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

const alter = (client: Client, { entityName, entityType, key }: (typeof QUOTAS)[number], value: number | undefined) =>
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
