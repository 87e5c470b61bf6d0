import { makeSignal } from "@tusk/storage/Signal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "./BrokerSettings.ts"
import type { ConnectionInfo } from "./Handler.ts"

/** Nobody gets less, however short it is: so that who reads his answers is served beside many who do not. */
const LEAST_BYTES = 64 * 1024
/** One answer takes no more of what is free. */
const SHARE = 4
/** Who finds nothing free waits for so long, and then takes little all the same. */
const MOMENT_MS = 200

/** What one request may answer with, until its connection has written the answer. */
export interface Claim {
  /** Bytes of records for an answer that is to be read now. */
  readonly take: (wantedBytes: number) => number
  /** The answer has so many, a first batch that is larger than what was given among them. */
  readonly keep: (bytes: number) => void
  /** There is no answer yet, or no more. */
  readonly release: () => void
}

/**
 * Bytes of records in all answers to fetches that are not written yet: clients that ask for much and read nothing cost
 * this, and not what they ask for times how many they are.
 */
export class AnswerBudget extends Context.Service<
  AnswerBudget,
  {
    /** For the request that a connection is at; released once its answer is written, or the connection is over. */
    readonly claim: (connection: Pick<ConnectionInfo, "answered">) => Claim
    /** Undefined where something is free. Else waits for that, for a moment: a client that reads leaves room soon. */
    readonly room: () => Effect.Effect<void> | undefined
    /** Bytes held now. */
    readonly held: () => number
  }
>()("@tusk/server/AnswerBudget") {
  static readonly layer = Layer.effect(
    AnswerBudget,
    Effect.map(BrokerSettings, ({ fetchAnswersMaxBytes }) => {
      let held = 0
      const freed = makeSignal()
      const whenFree = freed.until(() => held < fetchAnswersMaxBytes)
      const moment = Effect.asVoid(Effect.timeoutOption(whenFree, MOMENT_MS))
      const claim = (connection: Pick<ConnectionInfo, "answered">): Claim => {
        let mine = 0
        const keep = (bytes: number): void => {
          const isLess = bytes < mine
          held += bytes - mine
          mine = bytes
          if (isLess) freed.notify()
        }
        const release = () => keep(0)
        return {
          take: (wantedBytes) => {
            const share = Math.floor((fetchAnswersMaxBytes - held + mine) / SHARE)
            keep(Math.min(wantedBytes, Math.max(share, LEAST_BYTES)))
            connection.answered = release
            return mine
          },
          keep,
          release
        }
      }
      return AnswerBudget.of({
        claim,
        room: () => (held < fetchAnswersMaxBytes ? undefined : moment),
        held: () => held
      })
    })
  )
}
