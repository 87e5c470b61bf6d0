import type { ClientConfigs, ClientOptions } from "./ClientConfigs.ts"
import type { Fault, Faults } from "./Faults.ts"
import type { KafkaRecord } from "./KafkaRecord.ts"
import type { TestClock } from "./ManualClock.ts"
import type { NewRecord } from "./NewRecord.ts"
import type { RecordPlace } from "./producing.ts"
import type { AwaitOptions, ReadOptions } from "./reading.ts"

/** Faults on purpose, in force from now on. */
export interface TestFaults extends Pick<Faults, "delay" | "fail" | "cut"> {
  /** Takes all of them away. */
  readonly clear: Fault["clear"]
}

/** A broker in this process, for tests. `await using kafka = await Tusk.start()`. */
export interface TestBroker extends AsyncDisposable {
  /** For a client's `bootstrap.servers`: `127.0.0.1:49152`. */
  readonly bootstrapServers: string
  /** The same. */
  readonly getBootstrapServers: () => string
  readonly host: string
  readonly port: number
  /** How clients get in, by client; as one of `users`, if there are any. */
  readonly client: (user?: string, options?: ClientOptions) => ClientConfigs
  /** Without a client: the records are in the log when it resolves. Tells where each lies. */
  readonly produce: (topic: string, records: ReadonlyArray<NewRecord>) => Promise<ReadonlyArray<RecordPlace>>
  /** Without a client: all that a topic holds, in order of partitions and offsets. */
  readonly records: (topic: string, options?: ReadOptions) => Promise<ReadonlyArray<KafkaRecord>>
  /** The same once it is at least `count`, woken by the log. Rejects after 5 s, or `timeoutMs`. */
  readonly awaitRecords: (topic: string, count: number, options?: AwaitOptions) => Promise<ReadonlyArray<KafkaRecord>>
  readonly faults: TestFaults
  /**
   * Between tests: topics, users and rules are as they were when `start` resolved, the rest is gone, faults cleared. A
   * connection stays open; what its client knew of the cluster is answered as by a new leader.
   */
  readonly reset: () => Promise<void>
  /** The end of the block does it, too. */
  readonly stop: () => Promise<void>
}

/** A broker whose time a test sets. */
export interface TimedBroker extends TestBroker {
  readonly clock: TestClock
}

/** A broker whose listener speaks TLS. */
export interface TlsBroker extends TestBroker {
  /** The certificate that a client has to trust, as PEM. */
  readonly ca: string
}

/** A broker on a Postgres of its own. */
export interface SqlBroker extends TestBroker {
  /** For any driver: a superuser's, by a Unix socket. */
  readonly databaseUrl: string
}
