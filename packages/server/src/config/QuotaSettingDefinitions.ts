import { connectionDefaults } from "./connectionDefaults.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"
import { listOf } from "./ConfigDefinition.ts"
import { number, perListener } from "./SettingKinds.ts"

const MAX_INT = 2 ** 31 - 1

/** How rates are taken, and how many may connect. What a client may use is set by AlterClientQuotas. */
export const quotaSettingDefinitions = {
  quotaWindowNum: number(
    "quota.window.num",
    "INT",
    11,
    { min: 1 },
    "Samples that a rate of bytes, time or connections is taken over: whole ones and the one that is filling."
  ),
  quotaWindowSizeSeconds: number("quota.window.size.seconds", "INT", 1, { min: 1 }, "The length of such a sample."),
  controllerQuotaWindowNum: number(
    "controller.quota.window.num",
    "INT",
    11,
    { min: 1 },
    "Samples' worth of permits to create and delete partitions that a client may save up."
  ),
  controllerQuotaWindowSizeSeconds: number(
    "controller.quota.window.size.seconds",
    "INT",
    1,
    { min: 1 },
    "The length of such a sample."
  ),
  quotaMaxEntities: number(
    "tusk.quota.max.entities",
    "INT",
    10_000,
    { min: 1 },
    "Users, clients and addresses whose rates are known at a time, of each kind of quota; those not heard of for longest begin anew."
  ),
  maxConnectionCreationRate: perListener(
    number(
      "max.connection.creation.rate",
      "INT",
      connectionDefaults.maxCreationRate,
      { min: 1, max: MAX_INT, dynamic: true },
      "Connections a second that are served as they come, of all listeners and of each; more wait their turn, before TLS. Kafka sets no limit."
    )
  ),
  maxConnectionsPerIpOverrides: {
    name: "max.connections.per.ip.overrides" as const,
    type: "STRING" as const,
    defaultValue: "",
    dynamic: true,
    pattern: [/^\s*(?:[^,\s]+:\d+\s*(?:,\s*[^,\s]+:\d+\s*)*)?$/, "addresses with a number each: 10.0.0.1:100,::1:20"],
    documentation: "Other limits than max.connections.per.ip, by address.",
    read: (text: string): ReadonlyMap<string, number> =>
      new Map(
        listOf(text).map((each) => {
          const at = each.lastIndexOf(":")
          return [each.slice(0, at).replace(/^\[|\]$/g, ""), Number(each.slice(at + 1))] as const
        })
      )
  } satisfies ConfigDefinition & { readonly read: (text: string) => ReadonlyMap<string, number> }
}
