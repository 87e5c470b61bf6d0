import { AutoTopics } from "@tusk/server/topics/AutoTopics"
import { TopicAdmin } from "@tusk/server/topics/TopicAdmin"
import { TopicSettings } from "@tusk/server/topics/TopicSettings"
import { Active } from "@tusk/storage/commit/Active"
import { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { Log } from "@tusk/storage/log/Log"
import { Acls } from "@tusk/storage/security/Acls"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import { makeSignal } from "@tusk/storage/Signal"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The services of the broker under test that a test reaches without a client. */
export class Inside extends Context.Service<
  Inside,
  {
    readonly acls: Acls["Service"]
    readonly scramCredentials: ScramCredentials["Service"]
    readonly active: Active["Service"]
    readonly admin: TopicAdmin["Service"]
    readonly autoTopics: AutoTopics["Service"]
    readonly codec: BatchCodec
    readonly log: Log["Service"]
    readonly topics: Topics["Service"]
    readonly topicSettings: TopicSettings["Service"]
    /** The broker's time, milliseconds since 1970. */
    readonly nowMs: () => number
    /** Returns when all has been taken over in another epoch. */
    readonly whenEpochIsNot: (epoch: number) => Effect.Effect<void>
  }
>()("@tusk/test/Inside") {
  static readonly layer = Layer.effect(
    Inside,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const active = yield* Active
      const taken = makeSignal()
      active.onTakeOver(() => Effect.sync(taken.notify))
      return Inside.of({
        acls: yield* Acls,
        scramCredentials: yield* ScramCredentials,
        active,
        whenEpochIsNot: (epoch) => taken.until(() => active.epoch() !== epoch),
        admin: yield* TopicAdmin,
        autoTopics: yield* AutoTopics,
        codec: yield* BatchCodec,
        log: yield* Log,
        topics: yield* Topics,
        topicSettings: yield* TopicSettings,
        nowMs: () => clock.currentTimeMillisUnsafe()
      })
    })
  )
}
