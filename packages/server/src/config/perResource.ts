import { BROKER_RESOURCE } from "@tusk/storage/topics/Configs"
import type { ConfigOverrides, Configs } from "@tusk/storage/topics/Configs"
import type { BrokerOverrides, Overrides } from "./ConfigValues.ts"
import type { Settings } from "./Settings.ts"

/** The name of the resource with the configs that hold for every broker. */
export const ALL_BROKERS = ""

/** What was set on brokers while they run, as it is now. */
export const brokerOverrides = (configs: Configs["Service"], { nodeId }: Settings): BrokerOverrides => ({
  broker: configs.of(BROKER_RESOURCE, String(nodeId)),
  cluster: configs.of(BROKER_RESOURCE, ALL_BROKERS)
})

/**
 * What the configs of a resource come to, by its name. Worked out once for each change of them or of the brokers' own, so
 * that asking is a look-up; resources without overrides share one value.
 */
export const perResource = <A extends object>(
  configs: Configs["Service"],
  settings: Settings,
  resourceType: number,
  workOut: (overrides: Overrides, settings: Settings, brokers: BrokerOverrides) => A
): ((resourceName: string) => A) => {
  const nodeId = String(settings.nodeId)
  /** Good for one state of the brokers' own overrides. */
  let known = new WeakMap<ConfigOverrides, A>()
  let ofBroker: ConfigOverrides | undefined
  let ofCluster: ConfigOverrides | undefined
  return (resourceName) => {
    const broker = configs.of(BROKER_RESOURCE, nodeId)
    const cluster = configs.of(BROKER_RESOURCE, ALL_BROKERS)
    if (broker !== ofBroker || cluster !== ofCluster) {
      known = new WeakMap()
      ofBroker = broker
      ofCluster = cluster
    }
    const overrides = configs.of(resourceType, resourceName)
    let value = known.get(overrides)
    if (value === undefined) known.set(overrides, (value = workOut(overrides, settings, { broker, cluster })))
    return value
  }
}
