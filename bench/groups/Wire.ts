import type { Api } from "@tusk/protocol/codec/Api"
import { defaultOf } from "@tusk/protocol/codec/Ir"
import type { StructPlan, TypePlan } from "@tusk/protocol/codec/Ir"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeRequest } from "@tusk/protocol/Header"
import * as Result from "effect/Result"
import { connect as connectSocket } from "node:net"
import type { Socket } from "node:net"

/** A message of which some is said; the rest has the defaults of its declaration. */
export type Partly<A> = A extends Uint8Array
  ? A
  : A extends ReadonlyArray<infer E>
    ? ReadonlyArray<Partly<E>>
    : A extends object
      ? { readonly [K in keyof A]?: Partly<A[K]> }
      : A

const fillType = (type: TypePlan, value: any): any => {
  if (value === null || value === undefined) return value
  if (type.kind === "struct") return fill(type.struct, value)
  return type.kind === "array" ? value.map((element: unknown) => fillType(type.of, element)) : value
}

const fill = (plan: StructPlan, value: any): any => {
  const filled: Record<string, unknown> = {}
  for (const field of plan.fields) {
    filled[field.name] = field.name in value ? fillType(field.type, value[field.name]) : defaultOf(field)
  }
  return filled
}

interface Waiting {
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

/** The connection was closed, or could not be had. */
export class Closed extends Error {}

const writer = new Writer()

/** One connection to a broker, of a client that is nobody's: requests of any version, pipelined, answered in order. */
export class Wire {
  readonly clientId: string
  readonly #socket: Socket
  #closed: Error | undefined
  readonly #waiting: Array<Waiting> = []
  #rest: Buffer = Buffer.alloc(0)
  #lastId = 0

  private constructor(socket: Socket, clientId: string) {
    this.#socket = socket
    this.clientId = clientId
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => this.#take(chunk))
    socket.on("error", (error) => this.#end(new Closed(error.message)))
    socket.on("close", () => this.#end(new Closed("the broker closed the connection")))
  }

  /** `bootstrap` is `host:port`; one broker is the whole cluster. */
  static connect(bootstrap: string, clientId = "wire"): Promise<Wire> {
    const at = bootstrap.lastIndexOf(":")
    const socket = connectSocket({ host: bootstrap.slice(0, at), port: Number(bootstrap.slice(at + 1)) })
    return new Promise((resolve, reject) => {
      const refused = (error: Error) => reject(new Closed(error.message))
      socket.once("error", refused)
      socket.once("connect", () => {
        socket.off("error", refused)
        resolve(new Wire(socket, clientId))
      })
    })
  }

  /** On a connection that is open, of TLS for example. */
  static over(socket: Socket, clientId = "wire"): Wire {
    return new Wire(socket, clientId)
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  #end(why: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = why
    for (const { reject } of this.#waiting.splice(0)) reject(why)
  }

  #take(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (rest.length >= 4) {
      const end = 4 + rest.readInt32BE(0)
      if (rest.length < end) break
      this.#waiting.shift()?.resolve(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
    this.#rest = rest
  }

  /** Rejects with `Closed` when the connection ends before the answer came. */
  async call<Req, Res>(api: Api<Req, Res>, version: number, request: Partly<Req>): Promise<Res> {
    return Result.getOrThrow(decodeResponse(api, version, await this.frame(api, version, request))).body
  }

  /** The same as the bytes that came, without their length. */
  async frame<Req, Res>(api: Api<Req, Res>, version: number, request: Partly<Req>): Promise<Buffer> {
    if (this.#closed !== undefined) throw this.#closed
    const body = fill(api.request.plan(version), request) as Req
    const frame = Buffer.concat(encodeRequest(api, version, ++this.#lastId, this.clientId, body, writer))
    const answered = new Promise<Buffer>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#socket.write(frame)
    return answered
  }

  close(): void {
    this.#end(new Closed("this side closed the connection"))
    this.#socket.destroy()
  }
}
