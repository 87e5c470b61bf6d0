import type { Report } from "../../bench/groups/Report.ts"
import type { Target } from "../../bench/groups/Target.ts"

/** One of the checks of groups, with a broker of its own. */
export interface Check {
  readonly name: string
  /** Settings of the broker, by Kafka's names. */
  readonly settings?: Readonly<Record<string, string>>
  /** `recording`: what is compared with Apache Kafka is taken from this broker, which is one. */
  readonly run: (target: Target, report: Report, recording: boolean) => Promise<void>
}

/** Limits of the broker that let groups have short times (KIP-848). */
export const quickGroups = {
  "group.consumer.min.heartbeat.interval.ms": "100",
  "group.consumer.min.session.timeout.ms": "1000"
}
