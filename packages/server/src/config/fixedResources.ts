import { InvalidRequest } from "@tusk/protocol/KafkaError"
import { DEFAULT_SOURCE } from "./ConfigValues.ts"
import { configEntry, wrongBroker } from "./ResourceKind.ts"
import type { ResourceKind } from "./ResourceKind.ts"
import type { Settings } from "./Settings.ts"

/** Loggers of this broker: there are none with a level to tell. */
export const loggerResource = ({ nodeId }: Settings): ResourceKind => ({
  names: () => [],
  describe: (resourceName) => {
    if (resourceName === "") return new InvalidRequest({ message: "Broker id must not be empty" })
    return resourceName === String(nodeId) ? [] : wrongBroker(resourceName, String(nodeId))
  }
})

const metricsConfig = (name: string, defaultValue: string, type: "INT" | "LIST", documentation: string) => ({
  ...configEntry({ name, type, defaultValue, documentation }, [{ name, value: defaultValue, source: DEFAULT_SOURCE }]),
  synonyms: []
})
const metricsConfigs = [
  metricsConfig("interval.ms", "300000", "INT", "Metrics push interval in milliseconds"),
  metricsConfig("match", "", "LIST", "Client match criteria"),
  metricsConfig("metrics", "", "LIST", "Telemetry metric name prefix list")
]

/** Subscriptions to clients' metrics: each is told as Apache Kafka tells one that was never made. */
export const metricsResource: ResourceKind = {
  names: () => [],
  describe: (resourceName) =>
    resourceName === ""
      ? new InvalidRequest({ message: "Client metrics subscription name must not be empty" })
      : metricsConfigs
}
