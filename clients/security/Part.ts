import type { Api } from "@tusk/protocol/codec/Api"
import type { Against } from "../../bench/groups/Target.ts"
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
  /** Asked again until it holds: a broker of Apache Kafka hears later of what its controller did. */
  readonly until?: (answer: any) => boolean
}

/** What is compared of one kind of tools, on a broker of its own; all steps are made in this order, on each broker. */
export interface Part {
  readonly name: string
  /** Of its broker, by Kafka's names: without, whoever comes is a super user. */
  readonly settings?: Readonly<Record<string, string>>
  /** That are made first, with their partitions. */
  readonly topics?: ReadonlyMap<string, number>
  readonly toolSteps: ReadonlyArray<ToolStep>
  /** After them. */
  readonly wireSteps: ReadonlyArray<WireStep>
  /** Where Tusk answers otherwise than Apache Kafka on purpose, by the step: why. A step that is alike must not stand here. */
  readonly differences: ReadonlyMap<string, string>
}

/** A part with a broker of its own kind, and steps that go by what the ones before came to. */
export interface OwnPart extends Pick<Part, "name" | "differences"> {
  /** What each step came to, without what differs from run to run. */
  readonly outputs: (against: Against) => Promise<ReadonlyMap<string, string>>
}

export const steps = (tool: keyof typeof tools, lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<ToolStep> =>
  lines.map((args) => ({ tool, args }))

export const named = (
  api: WireStep["api"],
  version: number,
  request: object,
  what: string,
  more: Pick<WireStep, "until"> = {}
): WireStep => ({
  name: `${api.name} ${version}: ${what}`,
  api,
  version,
  request,
  ...more
})
