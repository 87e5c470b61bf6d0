import type { StreamsProtocol } from "./Application.ts"

/** Settings of the broker: nothing waits longer than it must. */
export const quickSettings = {
  "group.streams.min.heartbeat.interval.ms": "500",
  "group.streams.heartbeat.interval.ms": "500",
  "group.streams.min.session.timeout.ms": "6000",
  "group.streams.session.timeout.ms": "6000",
  "group.streams.initial.rebalance.delay.ms": "0",
  "group.initial.rebalance.delay.ms": "0",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500"
}

/** An instance of the classic protocol does not leave when it closes: it may come back. */
export const quickMember: { readonly [Protocol in StreamsProtocol]: Readonly<Record<string, string>> } = {
  classic: { "session.timeout.ms": "6000", "heartbeat.interval.ms": "1500" },
  streams: {}
}
