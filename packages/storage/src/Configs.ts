import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "./Active.ts"
import { Committer } from "./Committer.ts"
import type { ClusterState, Write } from "./Store.ts"
import { toKafkaError } from "./toKafkaError.ts"

const isKafkaError = (decided: ConfigOverrides | KafkaError): decided is KafkaError => "_tag" in decided

export type ConfigOverrides = ReadonlyMap<string, string>

const NONE: ConfigOverrides = new Map()

/**
 * Configs that were set on a resource (2 topic, 4 broker, 32 group), by its name; a broker's default for all is "".
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
     * Makes what `decide` answers the resource's overrides, or refuses. It runs at its turn in the commit, on what that
     * commit assumes: whoever changes others of them at the same time finds his own kept.
     */
    readonly change: (
      resourceType: number,
      resourceName: string,
      decide: (present: ConfigOverrides) => ConfigOverrides | KafkaError
    ) => Effect.Effect<void, KafkaError>
    /** The resource was made with these by another write, or is gone. */
    readonly seen: (resourceType: number, resourceName: string, overrides: ConfigOverrides | undefined) => void
  }
>()("@tusk/storage/Configs") {
  static readonly layer = Layer.effect(
    Configs,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      let resources = new Map<string, ConfigOverrides>()
      /** What a commit on its way makes of them. */
      const assumed = new Map<string, ConfigOverrides>()
      const key = (resourceType: number, resourceName: string) => `${resourceType}:${resourceName}`

      const reload = (cluster: ClusterState): void => {
        const loaded = new Map<string, Map<string, string>>()
        for (const { name, resourceName, resourceType, value } of cluster.configs) {
          const place = key(resourceType, resourceName)
          let overrides = loaded.get(place)
          if (overrides === undefined) loaded.set(place, (overrides = new Map()))
          overrides.set(name, value)
        }
        resources = new Map(loaded)
      }
      reload(active.cluster)
      active.onTakeOver((cluster) => Effect.sync(() => reload(cluster)))

      const seen = (resourceType: number, resourceName: string, overrides: ConfigOverrides | undefined): void => {
        const place = key(resourceType, resourceName)
        if (overrides === undefined || overrides.size === 0) resources.delete(place)
        else resources.set(place, overrides)
      }
      const of = (resourceType: number, resourceName: string) => resources.get(key(resourceType, resourceName)) ?? NONE

      return Configs.of({
        of,
        names: (resourceType) => {
          const prefix = `${resourceType}:`
          return Array.from(resources.keys())
            .filter((place) => place.startsWith(prefix))
            .map((place) => place.slice(prefix.length))
            .sort()
        },
        change: (resourceType, resourceName, decide) => {
          const place = key(resourceType, resourceName)
          return committer
            .decide(
              (writes: Array<Write>) => {
                const stored = of(resourceType, resourceName)
                const present = assumed.get(place) ?? stored
                const after = decide(present)
                if (isKafkaError(after)) return after
                const put = (name: string, value: string | null) =>
                  writes.push({ _tag: "PutConfig", resourceType, resourceName, name, value })
                // Against what is stored too: who finds his value assumed waits for the commit all the same.
                for (const name of new Set([...stored.keys(), ...present.keys(), ...after.keys()])) {
                  const value = after.get(name)
                  if (value !== stored.get(name) || value !== present.get(name)) put(name, value ?? null)
                }
                if (writes.length > 0) assumed.set(place, after)
                return after
              },
              (after, error) => {
                if (isKafkaError(after)) return
                if (assumed.get(place) === after) assumed.delete(place)
                if (error === undefined) seen(resourceType, resourceName, after)
              }
            )
            .pipe(
              Effect.mapError(toKafkaError),
              Effect.flatMap((after) => (isKafkaError(after) ? Effect.fail(after) : Effect.void))
            )
        },
        seen
      })
    })
  )
}
