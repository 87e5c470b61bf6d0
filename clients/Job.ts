import type { Broker } from "../bench/kafka/Broker.ts"

/** What a client does on a broker, under names that begin with `name`; rejects with what went wrong first. */
export type Work = (
  broker: Broker,
  name: string,
  restart: boolean,
  onStage: (stage: string, seconds: number) => void
) => Promise<void>

/** A line of the table. */
export interface Job {
  readonly name: string
  /** A string says why it cannot be done on this machine. */
  readonly prepare: () => Promise<Work | string>
}
