import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { makeAssumed, NO_CHANGE } from "../commit/Assumed.ts"
import { Committer } from "../commit/Committer.ts"
import type { Participant } from "../commit/Participant.ts"
import type { ClusterState } from "../port/CommitStore.ts"

/** Kinds of resources that have configs, as the Config APIs number them. */
export const TOPIC_RESOURCE = 2
export const BROKER_RESOURCE = 4
export const LOGGER_RESOURCE = 8
export const METRICS_RESOURCE = 16
export const GROUP_RESOURCE = 32

export type ConfigOverrides = ReadonlyMap<string, string>

const NONE: ConfigOverrides = new Map()

/** The overrides after a change of those that are present, or why there is none. */
export type DecideConfigs = (present: ConfigOverrides) => ConfigOverrides | KafkaError

const isError = (decided: ConfigOverrides | KafkaError): decided is KafkaError => "_tag" in decided

/**
 * Configs that were set on a resource (2 topic, 4 broker, 16 client metrics, 32 group), by its name; a broker's default for all is "".
 * Names and values were validated by the caller.
 */
export class Configs extends Context.Service<
  Configs,
  {
    /** The same object until something changes, so that what is derived from it can be cached by it. */
    readonly of: (resourceType: number, resourceName: string) => ConfigOverrides
    /** Resources of a type that have any override. */
    readonly names: (resourceType: number) => ReadonlyArray<string>
    /**
     * Makes what `decide` gives the resource's overrides; what is not among them is taken away. It is asked when the commit
     * is put together, with the overrides that this commit assumes, and may be asked again.
     */
    readonly changing: (resourceType: number, resourceName: string, decide: DecideConfigs) => Participant<void>
    readonly change: (
      resourceType: number,
      resourceName: string,
      decide: DecideConfigs
    ) => Effect.Effect<void, KafkaError>
    /** The resource was made with these by another write, or is gone. */
    readonly seen: (resourceType: number, resourceName: string, overrides: ConfigOverrides | undefined) => void
  }
>()("@tusk/storage/topics/Configs") {
  static readonly layer = Layer.effect(
    Configs,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      /** By type, then by name: no request that asks has a key to put together. */
      let resources = new Map<number, Map<string, ConfigOverrides>>()
      const assumed = makeAssumed<string, ConfigOverrides>()
      const key = (resourceType: number, resourceName: string) => `${resourceType}:${resourceName}`

      const seen = (resourceType: number, resourceName: string, overrides: ConfigOverrides | undefined): void => {
        let ofType = resources.get(resourceType)
        if (ofType === undefined) resources.set(resourceType, (ofType = new Map()))
        if (overrides === undefined || overrides.size === 0) ofType.delete(resourceName)
        else ofType.set(resourceName, overrides)
      }
      const of = (resourceType: number, resourceName: string) => resources.get(resourceType)?.get(resourceName) ?? NONE

      const reload = (cluster: ClusterState): void => {
        resources = new Map()
        for (const { name, resourceName, resourceType, value } of cluster.configs) {
          const overrides = new Map(of(resourceType, resourceName)).set(name, value)
          seen(resourceType, resourceName, overrides)
        }
        assumed.clear()
      }
      reload(active.cluster)
      active.onTakeOver((cluster) => Effect.sync(() => reload(cluster)))

      const changing = (resourceType: number, resourceName: string, decide: DecideConfigs): Participant<void> => {
        const place = key(resourceType, resourceName)
        let change = NO_CHANGE
        let after: ConfigOverrides = NONE
        return {
          bytes: 256,
          assemble: (writes) => {
            const underWay = assumed.get(place)
            const present = underWay?.value ?? of(resourceType, resourceName)
            const decided = decide(present)
            if (isError(decided)) return decided
            after = decided
            let changes = 0
            const put = (name: string, value: string | null) => {
              changes++
              writes.push({ _tag: "PutConfig", resourceType, resourceName, name, value })
            }
            for (const [name, value] of after) if (present.get(name) !== value) put(name, value)
            for (const name of present.keys()) if (!after.has(name)) put(name, null)
            if (changes === 0) return underWay === undefined ? "Told" : "Stored"
            change = assumed.set(place, after)
            return "Stored"
          },
          retract: () => change.undo(),
          settle: (error) => {
            if (error !== undefined) return
            seen(resourceType, resourceName, after)
            change.done()
          },
          answer: () => {}
        }
      }

      return Configs.of({
        of,
        names: (resourceType) => Array.from(resources.get(resourceType)?.keys() ?? []).sort(),
        changing,
        change: (resourceType, resourceName, decide) => committer.submit(changing(resourceType, resourceName, decide)),
        seen
      })
    })
  )
}
