import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"

/** A TCP proxy in front of Postgres that can leave either side alone with half a connection, as a broken network does. */
export interface CuttingProxy {
  readonly options: PgOptions
  /** Breaks all connections off on the client's side; Postgres hears nothing of it. */
  readonly cut: () => void
  /** Nothing comes through the connections that are there any more, and neither side hears of it. */
  readonly freeze: () => void
  /** From now on no client is let in, or each client that is let in hears nothing. */
  readonly refuse: () => void
  readonly mute: () => void
  /** Waits for the next client that comes. */
  readonly arrival: Effect.Effect<void>
  /** Of what a client sends in all, no more than so many bytes get through before `release`, as on a slow line. */
  readonly hold: (bytes: number) => void
  readonly release: () => void
  /** Each client that comes from now on is led to another server. */
  readonly redirect: (options: PgOptions) => void
}

export const cuttingProxy = (options: PgOptions): Effect.Effect<CuttingProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    let [target] = resolveOptions(options).hosts
    const clients = new Set<Net.Socket>()
    const upstreams = new Set<Net.Socket>()
    let frozen = new Set<Net.Socket>()
    let admits: "all" | "nobody" | "deaf" = "all"
    let limit = Infinity
    const arrivals: Array<() => void> = []
    const releases = new Set<() => void>()
    const server = Net.createServer((client) => {
      for (const arrived of arrivals.splice(0)) arrived()
      if (admits !== "all") {
        if (admits === "nobody") client.destroy()
        else clients.add(client.on("error", () => {}))
        return
      }
      const upstream =
        target!.path === undefined ? Net.connect(target!.port, target!.host) : Net.connect({ path: target!.path })
      clients.add(client)
      upstreams.add(upstream)
      client.on("error", () => {})
      upstream.on("error", () => {})
      let passed = 0
      let held: Array<Buffer> = []
      const pass = (chunk: Buffer) => {
        if (frozen.has(client)) return
        const fitting = chunk.subarray(0, Math.max(limit - passed, 0))
        passed += fitting.length
        upstream.write(fitting)
        if (fitting.length < chunk.length) held.push(chunk.subarray(fitting.length))
      }
      releases.add(() => {
        const waiting = held
        held = []
        for (const chunk of waiting) pass(chunk)
      })
      client.on("data", pass)
      upstream.on("data", (chunk) => {
        if (!client.destroyed && !frozen.has(client)) client.write(chunk)
      })
      upstream.on("close", () => {
        if (!frozen.has(client)) client.destroy()
      })
      client.on("close", () => {
        if (clients.delete(client) && !frozen.has(client)) upstream.end()
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of [...clients, ...upstreams]) socket.destroy()
        })
    )
    const { port } = server.address() as Net.AddressInfo
    return {
      options: { ...options, host: "127.0.0.1", port, ssl: false },
      cut: () => {
        const cutOff = [...clients]
        clients.clear()
        for (const client of cutOff) client.destroy()
      },
      freeze: () => {
        frozen = new Set(clients)
      },
      refuse: () => {
        admits = "nobody"
      },
      arrival: Effect.callback<void>((resume) => {
        arrivals.push(() => resume(Effect.void))
      }),
      mute: () => {
        admits = "deaf"
      },
      hold: (bytes) => {
        limit = bytes
      },
      redirect: (other) => {
        ;[target] = resolveOptions(other).hosts
      },
      release: () => {
        limit = Infinity
        for (const release of releases) release()
      }
    }
  })
