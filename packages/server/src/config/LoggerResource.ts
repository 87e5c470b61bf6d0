import { InvalidConfig, InvalidRequest } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { AlterOp } from "./AlterOps.ts"
import { LOGGER_SOURCE } from "./ConfigValues.ts"
import { isLevelName, LEVEL_NAMES, ROOT_LOGGER } from "./LogLevels.ts"
import type { LevelTable } from "./LogLevels.ts"
import { wrongBroker } from "./ResourceKind.ts"
import type { ResourceKind } from "./ResourceKind.ts"
import type { Settings } from "./Settings.ts"

const UNKNOWN_TYPE = 0

/** The loggers of this broker under its id, each a config with its level (KIP-412). */
export interface LoggerResource extends ResourceKind {
  /** What is wrong with the changes; if nothing is, they are made, unless they are only to be checked. */
  readonly alter: (
    resourceName: string,
    operations: ReadonlyArray<AlterOp>,
    validateOnly: boolean
  ) => KafkaError | undefined
}

export const loggerResource = ({ nodeId }: Settings, levels: LevelTable | undefined): LoggerResource => ({
  names: () => [String(nodeId)],
  describe: (resourceName) => {
    if (resourceName === "") return new InvalidRequest({ message: "Broker id must not be empty" })
    if (resourceName !== String(nodeId)) return wrongBroker(resourceName, String(nodeId))
    return (levels?.all() ?? []).map(([name, value]) => ({
      name,
      value,
      source: LOGGER_SOURCE,
      readOnly: false,
      isSensitive: false,
      typeId: UNKNOWN_TYPE,
      // Told so also to who does not ask for it: as Apache Kafka.
      documentation: "",
      synonyms: []
    }))
  },
  alter: (resourceName, operations, validateOnly) => {
    const wrong = malformed(operations) ?? wrongNode(resourceName, nodeId) ?? firstWrong(operations, levels)
    if (wrong !== undefined || validateOnly || levels === undefined) return wrong
    for (const { configOperation, name, value } of operations) {
      if (configOperation === SET) levels.set(name, value!)
      else levels.unset(name)
    }
    return undefined
  }
})

const SET = 0
const DELETE = 1
const LISTS = new Map([
  [2, "APPEND"],
  [3, "SUBTRACT"]
])

const wrongNode = (resourceName: string, nodeId: number): KafkaError | undefined => {
  if (!/^[+-]?\d+$/.test(resourceName)) {
    return new InvalidRequest({ message: `Node id must be an integer, but it is: ${resourceName}` })
  }
  const received = Number(resourceName)
  if (received === nodeId) return undefined
  return new InvalidRequest({ message: `Unexpected node id. Expected ${nodeId}, but received ${received}` })
}

const malformed = (operations: ReadonlyArray<AlterOp>): KafkaError | undefined => {
  if (new Set(operations.map(({ name }) => name)).size < operations.length) {
    return new InvalidRequest({ message: "Error due to duplicate config keys" })
  }
  const empty = operations.filter(({ configOperation, value }) => configOperation !== DELETE && value === null)
  if (empty.length > 0) {
    const names = empty.map(({ name }) => name).join(", ")
    return new InvalidRequest({ message: `Null value not supported for : ${names}` })
  }
  return undefined
}

/** In Kafka's words and order. */
const firstWrong = (operations: ReadonlyArray<AlterOp>, levels: LevelTable | undefined): KafkaError | undefined => {
  for (const { configOperation, name, value } of operations) {
    if (configOperation !== SET && configOperation !== DELETE) {
      const operation = LISTS.get(configOperation) ?? `Unknown operation type ${configOperation}`
      const message = LISTS.has(configOperation)
        ? `${operation} operation is not allowed for the BROKER_LOGGER resource`
        : `${operation} is not allowed for the BROKER_LOGGER resource`
      return new InvalidRequest({ message })
    }
    if (levels?.has(name) !== true) return new InvalidConfig({ message: `Logger ${name} does not exist!` })
    if (configOperation === SET && !isLevelName(value!)) {
      return new InvalidConfig({
        message: `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${LEVEL_NAMES}`
      })
    }
    if (configOperation === DELETE && name === ROOT_LOGGER) {
      return new InvalidRequest({ message: `Removing the log level of the ${ROOT_LOGGER} logger is not allowed` })
    }
  }
  return undefined
}
