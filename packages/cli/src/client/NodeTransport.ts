import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Net from "node:net"
import { BrokerUnreachable } from "./ClientError.ts"
import { addressText, Transport } from "./Transport.ts"
import type { Address, Channel, ChannelEvents } from "./Transport.ts"

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "its name cannot be looked up",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to its network",
  ETIMEDOUT: "it does not answer",
  ECONNRESET: "it closed the connection"
}

const reasonOf = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ""] ?? error.message

const connect = (address: Address, events: ChannelEvents): Effect.Effect<Net.Socket, BrokerUnreachable> =>
  Effect.callback<Net.Socket, BrokerUnreachable>((resume) => {
    const socket = Net.connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true })
    let failure: string | undefined
    socket.on("error", (error) => {
      failure = reasonOf(error)
      resume(Effect.fail(new BrokerUnreachable({ address: addressText(address), reason: failure })))
    })
    socket.on("data", events.data)
    socket.on("close", () => events.closed(failure))
    socket.once("connect", () => resume(Effect.succeed(socket)))
    return Effect.sync(() => socket.destroy())
  })

/** Plain TCP, by Node. */
export const nodeTransport: Layer.Layer<Transport> = Layer.succeed(Transport, {
  open: (address, events) =>
    Effect.acquireRelease(connect(address, events), (socket) => Effect.sync(() => socket.destroy())).pipe(
      Effect.map((socket): Channel => ({
        send: (chunks) => {
          if (socket.destroyed) return
          socket.cork()
          for (const chunk of chunks) socket.write(chunk)
          socket.uncork()
        },
        room: Effect.callback<void>((resume) => {
          if (!socket.writableNeedDrain || socket.destroyed) return resume(Effect.void)
          const done = () => {
            socket.off("drain", done).off("close", done)
            resume(Effect.void)
          }
          socket.on("drain", done).on("close", done)
        }),
        destroy: () => socket.destroy()
      }))
    )
})
