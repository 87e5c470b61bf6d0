// Serves: ApiVersions in all versions; a later one is answered as version 0 (KIP-511).
// Left out: an epoch of features that rises.
// Why: features have the level that the code has, and nothing changes them while it runs.

import { NONE } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import type { ApiVersionsRequest, ApiVersionsResponse } from "@tusk/protocol/messages/ApiVersions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import { FEATURES } from "../config/Features.ts"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

/** What is served, as told to clients; given by Dispatch's list, as this handler is in that list itself. */
export const AdvertisedApis = Context.Reference<
  () => ReadonlyArray<{ readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }>
>("@tusk/server/AdvertisedApis", { defaultValue: () => () => [] })

const SUPPORTED = FEATURES.map(({ level, name }) => ({ name, minVersion: level, maxVersion: level }))
const FINALIZED = FEATURES.map(({ level, name }) => ({ name, minVersionLevel: level, maxVersionLevel: level }))

const response = (
  errorCode: number,
  apiKeys: ApiVersionsResponse["apiKeys"],
  supportedFeatures: ApiVersionsResponse["supportedFeatures"]
): Answer<ApiVersionsResponse> => ({
  errorCode,
  apiKeys,
  supportedFeatures,
  finalizedFeaturesEpoch: 0n,
  finalizedFeatures: errorCode === NONE ? FINALIZED : [],
  zkMigrationReady: false
})

/** KIP-511: for a client that knows a newer version. */
const OWN_VERSIONS = [
  { apiKey: ApiVersions.key, minVersion: ApiVersions.minVersion, maxVersion: ApiVersions.maxVersion }
]

/** KIP-511: what a client may call itself. */
const CLIENT_SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const apiVersions = handler({
  api: ApiVersions,
  resources: () => CLUSTER,
  reads: false,
  always: true,
  make: Effect.gen(function* () {
    const advertised = yield* AdvertisedApis
    return (request: ApiVersionsRequest, { apiVersion, connection }: RequestContext) => {
      if (apiVersion >= 3) {
        if (!CLIENT_SOFTWARE.test(request.clientSoftwareName) || !CLIENT_SOFTWARE.test(request.clientSoftwareVersion)) {
          return Effect.fail(new InvalidRequest())
        }
        connection.clientSoftwareName = request.clientSoftwareName
        connection.clientSoftwareVersion = request.clientSoftwareVersion
      }
      connection.login?.versionsTold()
      return Effect.succeed(response(NONE, advertised(), SUPPORTED))
    }
  }),
  refuse: (_request, errorCode, { _tag }) => response(errorCode, _tag === "UnsupportedVersion" ? OWN_VERSIONS : [], [])
})
