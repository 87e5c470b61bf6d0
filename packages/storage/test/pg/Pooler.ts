import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { endpointsOf } from "../../src/pg/connection/Endpoint.ts"
import { openSocket } from "../../src/pg/connection/openSocket.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type, 0, "latin1")
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** What a pooler tells its clients: welcome, a process id of its own, ready. */
export const WELCOME = Buffer.concat([
  message("R", Buffer.alloc(4)),
  message("S", Buffer.from("server_version\x0015.0\0")),
  message("K", Buffer.from([0x7f, 0, 0, 1, 0, 0, 0, 1])),
  message("Z", Buffer.from("I"))
])

/** What a pooler passes on; it refuses a client that wants to set anything else when it connects. */
const PASSED_ON = ["user", "database", "application_name", "client_encoding"]

const unsupported = (startup: Buffer): Buffer | undefined => {
  const words = startup.subarray(8).toString("utf8").split("\0")
  for (let i = 0; i + 1 < words.length && words[i] !== ""; i += 2) {
    if (PASSED_ON.includes(words[i]!)) continue
    const fields = `SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: ${words[i]}\0\0`
    return message("E", Buffer.from(fields))
  }
  return undefined
}

/**
 * The least pooler: a client has a server's session for each transaction (the one used last first), or for as long as
 * it stays.
 */
export const pooler = (
  options: PgOptions,
  mode: "transaction" | "session"
): Effect.Effect<PgOptions, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const target = resolveOptions(options)
    const [endpoint] = yield* endpointsOf(target.hosts[0]!, 1000)
    const sessions = yield* Effect.forEach([1, 2, 3, 4], () =>
      Effect.acquireRelease(openSocket(target, endpoint!, "pooler"), ({ socket }) =>
        Effect.sync(() => socket.destroy())
      )
    )
    const free = sessions.map(({ socket }) => socket)
    for (const socket of free) socket.on("error", () => {})
    const clients = new Set<Net.Socket>()
    const server = Net.createServer((client) => {
      clients.add(client)
      let mine: Net.Socket | undefined
      let started = false
      const release = () => {
        if (mine === undefined) return
        mine.removeAllListeners("data")
        free.push(mine)
        mine = undefined
      }
      client.on("error", () => {})
      client.on("close", release)
      client.on("data", (chunk: Buffer) => {
        if (!started) {
          started = true
          const refusal = unsupported(chunk)
          if (refusal === undefined) client.write(WELCOME)
          else client.end(refusal)
          return
        }
        if (chunk[0] === 0x58) return
        if (mine === undefined) {
          mine = free.pop()!
          mine.on("data", (answer: Buffer) => {
            client.write(answer)
            // The last message of an answer is ReadyForQuery, with the state of the transaction.
            const idle = answer.at(-6) === 0x5a && answer.at(-1) === 0x49
            if (idle && mode === "transaction") release()
          })
        }
        mine.write(chunk)
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const client of clients) client.destroy()
        })
    )
    return { ...options, host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port, ssl: false }
  })
