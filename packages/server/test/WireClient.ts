/** A client that says what a test tells it to: requests of any version, pipelined, or bytes that are no request at all. */
import type { Api } from "@tusk/protocol/codec/Api"
import { defaultOf } from "@tusk/protocol/codec/Ir"
import type { StructPlan, TypePlan } from "@tusk/protocol/codec/Ir"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeRequest } from "@tusk/protocol/Header"
import * as Result from "effect/Result"
import { connect as connectSocket } from "node:net"
import type { Socket } from "node:net"
import { connect as connectSecurely } from "node:tls"
import type { ConnectionOptions } from "node:tls"

/** A message of which some is said; the rest has the defaults of its declaration. */
export type Partly<A> = A extends Uint8Array
  ? A
  : A extends ReadonlyArray<infer E>
    ? ReadonlyArray<Partly<E>>
    : A extends object
      ? { readonly [K in keyof A]?: Partly<A[K]> }
      : A

const DEADLINE_MS = 10_000

const fillType = (type: TypePlan, value: any, dropAbsent: boolean): any => {
  if (value === null || value === undefined) return value
  if (type.kind === "struct") return fill(type.struct, value, dropAbsent)
  if (type.kind === "array") return value.map((element: unknown) => fillType(type.of, element, dropAbsent))
  return value
}

const fill = (plan: StructPlan, value: any, dropAbsent: boolean): any => {
  const filled: Record<string, unknown> = {}
  for (const field of plan.fields) {
    const said = field.name in value && !(dropAbsent && field.place === "absent")
    filled[field.name] = said ? fillType(field.type, value[field.name], dropAbsent) : defaultOf(field)
  }
  if (value.unknownTaggedFields !== undefined) filled["unknownTaggedFields"] = value.unknownTaggedFields
  return filled
}

/** One way of asking for all versions: without what this version has no place for. */
export const forVersion = <Req, Res>(api: Api<Req, Res>, version: number, request: Partly<Req>): Req =>
  fill(api.request.plan(version), request, true)

/** The whole frame of a request, length prefix included. */
export const requestFrame = <Req, Res>(
  api: Api<Req, Res>,
  version: number,
  request: Partly<Req>,
  correlationId = 0,
  clientId = "wire"
): Buffer =>
  Buffer.concat(
    encodeRequest(api, version, correlationId, clientId, fill(api.request.plan(version), request, false), new Writer())
  )

/** Rejects when `what` has not come within the deadline. */
export const within = async <A>(promise: Promise<A>, what: string, ms = DEADLINE_MS): Promise<A> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

interface Waiting {
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

/** The broker closed the connection. */
export class Closed extends Error {}

export class WireClient implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  isClosed = false
  /** What it says its client-id is. */
  clientId = "wire"
  /** Frames that no call has asked for yet. */
  readonly frames: Array<Buffer> = []
  readonly #waiting: Array<Waiting> = []
  #parts: Array<Buffer> = []
  #have = 0
  #need = 4
  #lastId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on("data", (chunk) => this.#take(chunk as Buffer))
    // A reset is a way to be closed as good as another.
    socket.on("error", () => {})
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.isClosed = true
        for (const { reject } of this.#waiting.splice(0)) reject(new Closed("the connection was closed"))
        resolve()
      })
    })
  }

  static connect(port: number, host = "127.0.0.1"): Promise<WireClient> {
    const socket = connectSocket({ port, host })
    const client = new WireClient(socket)
    return within(
      new Promise((resolve, reject) => {
        socket.once("connect", () => resolve(client))
        socket.once("error", reject)
      }),
      "a connection"
    )
  }

  /** The same over TLS. */
  static connectTls(port: number, options: ConnectionOptions): Promise<WireClient> {
    const socket = connectSecurely({ port, host: "127.0.0.1", ...options })
    const client = new WireClient(socket)
    return within(
      new Promise((resolve, reject) => {
        socket.once("secureConnect", () => resolve(client))
        socket.once("error", reject)
        socket.once("close", () => reject(new Closed("the connection was closed")))
      }),
      "a connection over TLS"
    )
  }

  #take(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#have += chunk.length
    if (this.#have < this.#need) return
    let rest = Buffer.concat(this.#parts)
    this.#need = 4
    while (rest.length >= this.#need) {
      this.#need = 4 + rest.readInt32BE(0)
      if (rest.length < this.#need) break
      this.#deliver(rest.subarray(4, this.#need))
      rest = rest.subarray(this.#need)
      this.#need = 4
    }
    this.#parts = [rest]
    this.#have = rest.length
  }

  #deliver(frame: Buffer): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.frames.push(frame)
    else next.resolve(frame)
  }

  /** The next frame, without its length; frames are given out in the order they came. */
  frame(): Promise<Buffer> {
    const next = this.frames.shift()
    if (next !== undefined) return Promise.resolve(next)
    if (this.isClosed) return Promise.reject(new Closed("the connection was closed"))
    return within(new Promise<Buffer>((resolve, reject) => this.#waiting.push({ resolve, reject })), "an answer")
  }

  /** Reads on until something holds. */
  until(holds: () => boolean): Promise<void> {
    const held = new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return
        this.socket.off("data", look)
        resolve()
      }
      this.socket.on("data", look)
      look()
    })
    return within(held, "what is waited for")
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Sends without asking for the answer; tells the correlation id. */
  send<Req, Res>(api: Api<Req, Res>, version: number, request: Partly<Req>): number {
    const id = ++this.#lastId
    this.sendBytes(requestFrame(api, version, request, id, this.clientId))
    return id
  }

  /** Sends, and takes the next frame for the answer: called again before that, requests are pipelined. */
  async call<Req, Res>(api: Api<Req, Res>, version: number, request: Partly<Req> = {} as Partly<Req>): Promise<Res> {
    const id = this.send(api, version, request)
    const { body, correlationId } = Result.getOrThrow(decodeResponse(api, version, await this.frame()))
    if (correlationId !== id) throw new Error(`answer ${correlationId} came where ${id} was due`)
    return body
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }
}
