import { connect } from "node:net"
import type { Flow } from "./Flow.ts"

const READ_BYTES = 256 * 1024

/**
 * One connection with one request in flight. Of an answer only the first bytes are kept; the rest is read into a buffer that
 * is used again, and counted. `goesOn` is told the bytes of batches of each answer and the milliseconds that it took.
 * Resolves when that was false.
 */
export const converse = (port: number, flow: Flow, goesOn: (bytes: number, ms: number) => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const head = Buffer.alloc(4 + flow.headBytes)
    const body = head.subarray(4)
    let received = 0
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      socket.write(flow.next())
    }
    const answered = () => {
      const bytes = flow.take(body, received - 4)
      received = 0
      if (goesOn(bytes, performance.now() - sentAt)) return send()
      resolve()
      socket.destroy()
    }
    const callback = (count: number, chunk: Uint8Array) => {
      if (received < head.length) head.set(chunk.subarray(0, Math.min(count, head.length - received)), received)
      received += count
      try {
        if (received >= 4 && received === 4 + head.readInt32BE(0)) answered()
      } catch (error) {
        reject(error)
        socket.destroy()
      }
      return true
    }
    const onread = { buffer: Buffer.alloc(READ_BYTES), callback }
    const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread })
    socket.once("connect", send)
    socket.once("error", reject)
    socket.once("close", () => reject(new Error("the broker closed the connection")))
  })
