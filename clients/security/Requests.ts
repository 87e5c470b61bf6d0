import type { Api } from "@tusk/protocol/codec/Api"
import { handlers } from "@tusk/server/handlers/index"
import { SENSIBLE } from "../../packages/server/test/handlers/sensible.ts"
import { MIXED } from "./Mixed.ts"
import type { Principal } from "./Principals.ts"
import type { World } from "./World.ts"

/** A request, and who may not make it: where it would take away what others ask for. */
export interface Case {
  readonly name: string
  readonly api: Api<any, any>
  readonly version: number
  readonly request: (world: World, principal: Principal) => object
  readonly notBy: ReadonlyArray<Principal>
}

const bothServe = ({ advertised, maxVersion, minVersion }: Api<any, any>): ReadonlyArray<number> => {
  const [from, to] = [Math.max(minVersion, advertised?.[0] ?? 0), Math.min(maxVersion, advertised?.[1] ?? maxVersion)]
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Names that only this request uses; the rules speak of them by how they begin. */
const freshOf = ({ name }: Api<any, any>, version: number, principal: Principal) => `f-${name}-${version}-${principal}`

/** Of every API that Tusk serves, in every version that Apache Kafka serves, too: the request of everyVersion.test.ts, and what `Mixed.ts` adds. */
export const CASES: ReadonlyArray<Case> = handlers.flatMap(({ api }): ReadonlyArray<Case> => {
  const sensible = SENSIBLE[api.name]
  if (sensible === undefined) throw new Error(`${api.name} has no request in packages/server/test/handlers/sensible.ts`)
  return bothServe(api).flatMap((version): ReadonlyArray<Case> => [
    {
      name: `${api.name} ${version}`,
      api,
      version,
      notBy: [],
      request: ({ ids, logDir }, principal) => {
        const topicId = ids.get(api.name === "Produce" ? "written" : "there")!
        const request = sensible.request({ topicId, fresh: freshOf(api, version, principal) }, version)
        // The tests' broker has its logs in memory.
        return api.name !== "AlterReplicaLogDirs"
          ? request
          : { dirs: [{ path: logDir, topics: [{ name: "there", partitions: [0] }] }] }
      }
    },
    ...(MIXED[api.name] ?? []).map(({ name, notBy = [], request }) => ({
      name: `${api.name} ${version}, ${name}`,
      api,
      version,
      notBy,
      request: (world: World, principal: Principal) => request(world, freshOf(api, version, principal), version)
    }))
  ])
})
