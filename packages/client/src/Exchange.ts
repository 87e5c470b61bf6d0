/** One connection's requests and answers: correlation ids, pipelining, in order. */
import type { Api } from "@tusk/protocol/codec/Api"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeRequest } from "@tusk/protocol/Header"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import type { ApiVersionsRequest, ApiVersionsResponse } from "@tusk/protocol/messages/ApiVersions"
import { ProtocolError } from "@tusk/protocol/ProtocolError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { AnswerTimedOut, BadAnswer, ConnectionLost, UnsupportedApi } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"
import { FrameCutter } from "./FrameCutter.ts"
import type { Channel } from "./Transport.ts"

/** The code that a broker answers to a version of ApiVersions that it does not know. */
export const UNSUPPORTED_VERSION = 35

interface Waiting {
  readonly id: number
  readonly resume: (answer: Effect.Effect<Uint8Array, ClientError>) => void
}

/** A broker answers the requests of a connection in their order; so the one that waits longest gets the next frame. */
export class Exchange {
  readonly #address: string
  readonly #clientId: string
  readonly #cutter = new FrameCutter()
  readonly #waiting: Array<Waiting> = []
  readonly #writer = new Writer()
  #channel: Channel | undefined
  #lastId = 0
  #ended: ClientError | undefined

  constructor(address: string, clientId: string) {
    this.#address = address
    this.#clientId = clientId
  }

  /** Whether requests can still be sent. */
  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** Gives it the channel, once that is open. */
  begin(channel: Channel): void {
    this.#channel = channel
  }

  /** Bytes came. */
  data(chunk: Uint8Array): void {
    try {
      for (const frame of this.#cutter.push(chunk)) this.#deliver(frame)
    } catch (error) {
      this.#end(new BadAnswer({ address: this.#address, reason: (error as Error).message }))
    }
  }

  /** The channel is closed: whoever waits is told. */
  closed(reason: string | undefined): void {
    this.#end(new ConnectionLost({ address: this.#address, reason: reason ?? "the broker closed it" }))
  }

  /** Sends a request and waits for its answer. An interrupted caller's answer is dropped when it comes. */
  ask<Req, Res>(api: Api<Req, Res>, version: number, body: Req, timeoutMs: number): Effect.Effect<Res, ClientError> {
    return Effect.flatMap(this.#frame(api, version, body, timeoutMs), (frame) => this.#read(api, version, frame))
  }

  /** ApiVersions in its newest version. Whoever does not know that one answers in version 0. */
  askVersions(body: ApiVersionsRequest, timeoutMs: number): Effect.Effect<ApiVersionsResponse, ClientError> {
    const newest = ApiVersions.maxVersion
    return Effect.flatMap(this.#frame(ApiVersions, newest, body, timeoutMs), (frame) => {
      const refused = frame.byteLength >= 6 && frame[4] === 0 && frame[5] === UNSUPPORTED_VERSION
      return this.#read(ApiVersions, refused ? 0 : newest, frame)
    })
  }

  #frame<Req, Res>(
    api: Api<Req, Res>,
    version: number,
    body: Req,
    timeoutMs: number
  ): Effect.Effect<Uint8Array, ClientError> {
    const answer = Effect.callback<Uint8Array, ClientError>((resume) => {
      const refused = this.#send(api, version, body, resume)
      if (refused !== undefined) resume(Effect.fail(refused))
    })
    return answer.pipe(
      Effect.timeoutOrElse({
        duration: timeoutMs,
        orElse: () => {
          const error = new AnswerTimedOut({ address: this.#address, api: api.name, timeoutMs })
          this.#end(error)
          return Effect.fail(error)
        }
      })
    )
  }

  /** Sends a request that has no answer, a Produce with acks=0; returns once there is room for more. */
  tell<Req, Res>(api: Api<Req, Res>, version: number, body: Req): Effect.Effect<void, ClientError> {
    return Effect.suspend(() => {
      const refused = this.#send(api, version, body)
      if (refused !== undefined) return Effect.fail(refused)
      return this.#channel?.room ?? Effect.void
    })
  }

  /** Why nothing was sent, if nothing was. */
  #send<Req, Res>(api: Api<Req, Res>, version: number, body: Req, resume?: Waiting["resume"]): ClientError | undefined {
    if (this.#ended !== undefined) return this.#ended
    const id = (this.#lastId = (this.#lastId + 1) & 0x7fffffff)
    try {
      const chunks = encodeRequest(api, version, id, this.#clientId, body, this.#writer)
      // It waits before anything is sent: the answer may be there at once.
      if (resume !== undefined) this.#waiting.push({ id, resume })
      this.#channel?.send(chunks)
      return undefined
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return new UnsupportedApi({ address: this.#address, api: `${api.name} ${version}`, reason: error.message })
    }
  }

  #deliver(frame: Uint8Array): void {
    const id = new DataView(frame.buffer, frame.byteOffset).getInt32(0)
    const next = this.#waiting[0]
    if (next?.id !== id) throw new RangeError(`an answer to request ${id}, where ${next?.id ?? "none"} was due`)
    this.#waiting.shift()
    next.resume(Effect.succeed(frame))
  }

  #read<Req, Res>(api: Api<Req, Res>, version: number, frame: Uint8Array): Effect.Effect<Res, BadAnswer> {
    const decoded = decodeResponse(api, version, frame)
    if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success.body)
    const { field, message } = decoded.failure
    const reason = `${api.name} ${version}: ${field === "" ? "" : `${field}: `}${message}`
    return Effect.fail(new BadAnswer({ address: this.#address, reason }))
  }

  #end(error: ClientError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#channel?.destroy()
    for (const { resume } of this.#waiting.splice(0)) resume(Effect.fail(error))
  }
}
