// Serves: UpdateFeatures in all versions: checks the levels, of which there is one a feature, so that nothing changes.
// Left out: other levels.
// Why: at each the code would have to act as an older one, which it never was.

import { errorMessage, InvalidUpdateVersion, NONE } from "@tusk/protocol/KafkaError"
import { UpdateFeatures } from "@tusk/protocol/messages/UpdateFeatures"
import type { UpdateFeaturesRequest } from "@tusk/protocol/messages/UpdateFeatures"
import * as Effect from "effect/Effect"
import { levelProblem } from "../config/Features.ts"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

const UPGRADE = 1
const SAFE_DOWNGRADE = 2

export const updateFeatures = handler({
  api: UpdateFeatures,
  resources: () => CLUSTER,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const placement = yield* Placement
    return Effect.fnUntraced(function* ({ featureUpdates }: UpdateFeaturesRequest, context: RequestContext) {
      const { apiVersion } = context
      yield* authorizeCluster(context, "alter")
      for (const { allowDowngrade, feature, maxVersionLevel, upgradeType } of featureUpdates) {
        const kind = apiVersion > 0 ? upgradeType : allowDowngrade ? SAFE_DOWNGRADE : UPGRADE
        const problem = levelProblem(feature, maxVersionLevel, kind, placement.controller())
        if (problem === undefined) continue
        // One that is refused refuses all (KIP-1022).
        const message = `The update failed for all features since the following feature had an error: ${problem}`
        return yield* new InvalidUpdateVersion({ message })
      }
      return {
        errorCode: NONE,
        errorMessage: null,
        results:
          apiVersion <= 1
            ? featureUpdates.map(({ feature }) => ({ feature, errorCode: NONE, errorMessage: "NONE" }))
            : []
      }
    })
  }),
  refuse: (_request, errorCode, error) => ({ errorCode, errorMessage: errorMessage(error), results: [] })
})
