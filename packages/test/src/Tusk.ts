/** A Kafka broker in a test's own process. */
import * as EmbeddedPostgres from "@tusk/cli/embedded-postgres/EmbeddedPostgres"
import { Tusk as Broker } from "@tusk/server/Tusk"
import type { StartOptions as MemoryOptions, TestBroker } from "@tusk/server/testing/TestBroker"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface StartOptions extends MemoryOptions {
  /** "embedded": a real Postgres that npm brought, gone with the broker; SQL reaches it. "memory" if nothing is said. */
  readonly storage?: "memory" | "embedded"
}

/** A broker on a Postgres of its own. */
export interface SqlBroker extends TestBroker {
  /** For any driver: a superuser's, by a Unix socket. */
  readonly databaseUrl: string
}

/** A new folder that the account Postgres runs as gets to: mkdtemp lets nobody else in. */
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-test-"))
  chmodSync(folder, 0o755)
  return folder
}

const startEmbedded = async ({ port = 0, settings = {} }: StartOptions): Promise<SqlBroker> => {
  const scope = Scope.makeUnsafe()
  const begun = Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(Effect.sync(newFolder), (made) =>
      Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    const server = yield* EmbeddedPostgres.start(folder)
    server.own()
    const { database, port: socketPort, socketDirectory: host, user } = server
    const listeners = [{ name: "PLAINTEXT", host: "127.0.0.1", port }]
    const layer = Broker.layerPg({ settings, listeners, pg: { host, port: socketPort, user, database } })
    const tusk = Context.get(yield* Layer.build(layer), Broker)
    const databaseUrl = `postgres://${user}@localhost:${socketPort}/${database}?host=${encodeURIComponent(host)}`
    return { tusk, databaseUrl }
  }).pipe(Scope.provide(scope))
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  try {
    const { databaseUrl, tusk } = await Effect.runPromise(begun)
    const [listener] = tusk.listeners
    const { bootstrapServers } = tusk
    const about = { bootstrapServers, getBootstrapServers: () => bootstrapServers, databaseUrl }
    return { ...about, host: listener!.host, port: listener!.port, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function start(options: StartOptions & { readonly storage: "embedded" }): Promise<SqlBroker>
function start(options?: StartOptions): Promise<TestBroker>
async function start(options: StartOptions = {}): Promise<TestBroker> {
  const { storage = "memory", ...rest } = options
  switch (storage) {
    case "memory":
      return Broker.start(rest)
    case "embedded":
      return startEmbedded(options)
    default:
      throw new RangeError(`storage: ${String(storage)} is neither "memory" nor "embedded"`)
  }
}

/** `await using kafka = await Tusk.start({ storage: "embedded" })`: it serves when this resolves, and is gone with the block. */
export const Tusk = { start }
