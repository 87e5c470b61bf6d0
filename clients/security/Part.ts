import type { Api } from "@tusk/protocol/codec/Api"
import type { tools } from "../groups/ToolShell.ts"

/** One call of a tool. */
export interface ToolStep {
  readonly tool: keyof typeof tools
  readonly args: ReadonlyArray<string>
}

/** A request that the tools do not make. */
export interface WireStep {
  readonly name: string
  readonly api: Api<any, any>
  readonly version: number
  readonly request: object
}

/** What is compared of one kind of tools; all steps are made in this order, on each broker. */
export interface Part {
  readonly name: string
  readonly toolSteps: ReadonlyArray<ToolStep>
  /** After them. */
  readonly wireSteps: ReadonlyArray<WireStep>
  /** Where Tusk answers otherwise than Apache Kafka on purpose, by the step: why. A step that is alike must not stand here. */
  readonly differences: ReadonlyMap<string, string>
}

export const steps = (tool: keyof typeof tools, lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<ToolStep> =>
  lines.map((args) => ({ tool, args }))
