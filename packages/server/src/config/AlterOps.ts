import { InvalidConfig, InvalidRequest } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { listOf } from "./ConfigDefinition.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

/** One change of one config, as IncrementalAlterConfigs asks for it. */
export interface AlterOp {
  readonly name: string
  /** 0 set, 1 delete, 2 append, 3 subtract (KIP-339). */
  readonly configOperation: number
  readonly value: string | null
}

/** What surrounds the configs of one resource: what is known of a name, and the value it has now. */
export interface AlterContext {
  readonly definition: (name: string) => ConfigDefinition | undefined
  readonly unknown: (name: string) => KafkaError
  readonly current: (name: string) => string | null
  /** Kafka knows no list among them: nothing is appended. */
  readonly noLists?: boolean
}

/** The overrides after the operations, or what is wrong with one of them. Values are not checked yet. */
export const applyIncremental = (
  overrides: ReadonlyMap<string, string>,
  operations: ReadonlyArray<AlterOp>,
  context: AlterContext
): ReadonlyMap<string, string> | KafkaError => {
  const after = new Map(overrides)
  const seen = new Set<string>()
  for (const { configOperation, name, value } of operations) {
    if (seen.has(name)) {
      return new InvalidRequest({ message: `Error due to duplicate config keys: ${name}` })
    }
    seen.add(name)
    // As in Kafka, what is not known is not there.
    if (configOperation === DELETE) {
      after.delete(name)
      continue
    }
    const definition = context.definition(name)
    if (definition === undefined) return context.unknown(name)
    if (value === null) return new InvalidRequest({ message: `Null value not supported for : ${name}` })
    switch (configOperation) {
      case SET:
        after.set(name, value)
        break
      case APPEND:
      case SUBTRACT: {
        if (context.noLists === true) {
          const operation = configOperation === APPEND ? "APPEND" : "SUBTRACT"
          return new InvalidConfig({ message: `Can't ${operation} to key ${name} because its type is not LIST.` })
        }
        if (definition.type !== "LIST") {
          const verb = configOperation === APPEND ? "append" : "subtract"
          return new InvalidConfig({ message: `Config value ${verb} is not allowed for config key: ${name}` })
        }
        const present = listOf(context.current(name) ?? "")
        const named = listOf(value)
        const list =
          configOperation === APPEND
            ? [...present, ...named.filter((element) => !present.includes(element))]
            : present.filter((element) => !named.includes(element))
        after.set(name, list.join(","))
        break
      }
      default:
        return new InvalidRequest({ message: `Unknown operation type ${configOperation} for config ${name}` })
    }
  }
  return after
}
