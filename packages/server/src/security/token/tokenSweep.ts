import { errorMessage } from "@tusk/protocol/KafkaError"
import { Active } from "@tusk/storage/commit/Active"
import { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { Tokens } from "./Tokens.ts"

/** Takes away what has expired, every `delegation.token.expiry.check.interval.ms`, as long as this broker is the writer. */
export const tokenSweep = Layer.effectDiscard(
  Effect.gen(function* () {
    const active = yield* Active
    const tokens = yield* Tokens
    const { delegationTokenExpiryCheckIntervalMs, delegationTokenSecretKey } = yield* BrokerSettings
    if (delegationTokenSecretKey === undefined) return
    const trouble = new Recurring("security")
    const sweep = tokens.sweep.pipe(
      Effect.andThen(trouble.over("expired delegation tokens are removed again")),
      Effect.catch((error) =>
        trouble.seen(`expired delegation tokens are removed later: ${errorMessage(error) ?? error._tag}`)
      ),
      Effect.catchDefect((defect) => Effect.logError("defect in the removal of delegation tokens", defect))
    )
    const look = Effect.suspend(() => (active.reign() === undefined ? Effect.void : sweep))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(delegationTokenExpiryCheckIntervalMs), look)))
  })
)
