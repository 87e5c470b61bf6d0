import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "./Active.ts"
import { Committer } from "./Committer.ts"
import type { ClusterState, Write } from "./Store.ts"
import { toKafkaError } from "./toKafkaError.ts"

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
    /** Makes these the resource's overrides; what is not among them is taken away. */
    readonly replace: (
      resourceType: number,
      resourceName: string,
      overrides: ConfigOverrides
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
        replace: (resourceType, resourceName, overrides) =>
          committer
            .decide(
              (writes: Array<Write>) => {
                const present = of(resourceType, resourceName)
                for (const [name, value] of overrides) {
                  if (present.get(name) !== value) {
                    writes.push({ _tag: "PutConfig", resourceType, resourceName, name, value })
                  }
                }
                for (const name of present.keys()) {
                  if (!overrides.has(name)) {
                    writes.push({ _tag: "PutConfig", resourceType, resourceName, name, value: null })
                  }
                }
              },
              (_, error) => {
                if (error === undefined) seen(resourceType, resourceName, overrides)
              }
            )
            .pipe(Effect.mapError(toKafkaError)),
        seen
      })
    })
  )
}
