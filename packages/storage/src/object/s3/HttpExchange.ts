/** One request and its answer over HTTP/1.1, by Node's own client: keep-alive, with a time limit for each part. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { ObjectStoreUnavailable } from "../../port/ObjectStore.ts"

export interface HttpLimits {
  /** Until a connection stands, with its look-up and TLS. */
  readonly connectMs: number
  /** How long a connection may lie still while an answer is awaited. */
  readonly idleMs: number
  /** For all of a request, also its wait for one of the sockets. */
  readonly requestMs: number
  readonly sockets: number
}

export const DEFAULT_LIMITS: HttpLimits = { connectMs: 5000, idleMs: 15_000, requestMs: 30_000, sockets: 32 }

/** Stores end connections that lie idle after some seconds more: a request is not to meet that moment. */
const FREE_MS = 4000

export interface HttpRequest {
  readonly method: "GET" | "PUT" | "DELETE"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Written one by one, never put together. */
  readonly body: ReadonlyArray<Uint8Array>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** How many bytes the body of an answer may have; undefined: it is not read. */
export type BodyLimit = (status: number) => number | undefined

export interface HttpExchange {
  readonly send: (request: HttpRequest, limit: BodyLimit) => Effect.Effect<HttpAnswer, ObjectStoreUnavailable>
}

/** `certificates`: who is trusted for TLS beside those that Node trusts. Sockets end with the scope. */
export const httpExchange = Effect.fnUntraced(function* (
  origin: URL,
  limits: HttpLimits,
  certificates?: ReadonlyArray<string>
): Effect.fn.Return<HttpExchange, never, Scope.Scope> {
  const isSecure = origin.protocol === "https:"
  const http = yield* Effect.promise(() => (isSecure ? import("node:https") : import("node:http")))
  const options = { keepAlive: true, maxSockets: limits.sockets, maxFreeSockets: limits.sockets, timeout: FREE_MS }
  const trusted = certificates === undefined ? {} : { ca: [...certificates] }
  const agent = yield* Effect.acquireRelease(
    Effect.sync((): Agent => new http.Agent({ ...options, ...trusted })),
    (it) => Effect.sync(() => it.destroy())
  )
  const open = ({ headers, method, url }: HttpRequest) => http.request(url, { method, headers, agent })
  return { send: (request, limit) => Effect.suspend(() => new Running(open, request, limit, limits).answer) }
})

/** One request under way. */
class Running {
  /** Something of the request may have reached the store. */
  #sent = false
  readonly #open: (request: HttpRequest) => ClientRequest
  readonly #request: HttpRequest
  readonly #limit: BodyLimit
  readonly #limits: HttpLimits
  #resume: (answer: Effect.Effect<HttpAnswer, ObjectStoreUnavailable>) => void = () => {}

  constructor(
    open: (request: HttpRequest) => ClientRequest,
    request: HttpRequest,
    limit: BodyLimit,
    limits: HttpLimits
  ) {
    this.#open = open
    this.#request = request
    this.#limit = limit
    this.#limits = limits
  }

  get answer(): Effect.Effect<HttpAnswer, ObjectStoreUnavailable> {
    const { requestMs } = this.#limits
    return Effect.callback<HttpAnswer, ObjectStoreUnavailable>((resume) => {
      this.#resume = resume
      const client = this.#begin()
      return Effect.sync(() => void client?.destroy())
    }).pipe(
      Effect.timeoutOrElse({
        duration: requestMs,
        orElse: () => Effect.suspend(() => Effect.fail(this.#failure(`it has not answered for ${requestMs} ms`)))
      })
    )
  }

  #failure(what: string, cause?: unknown): ObjectStoreUnavailable {
    const message = `the object store at ${this.#request.url.host}: ${what}`
    return new ObjectStoreUnavailable({ message, sent: this.#sent, ...(cause === undefined ? {} : { cause }) })
  }

  #begin(): ClientRequest | undefined {
    let client: ClientRequest
    try {
      client = this.#open(this.#request)
    } catch (error) {
      this.#resume(Effect.fail(this.#failure("the request cannot be made", error)))
      return undefined
    }
    const fail = (what: string, cause?: unknown) => {
      this.#resume(Effect.fail(this.#failure(what, cause)))
      client.destroy()
    }
    // One comes also after the answer: from a connection that ends while the rest of a refused body is on its way.
    client.on("error", (error: NodeJS.ErrnoException) => fail(reasonOf(error), error))
    client.once("socket", (socket) => this.#onSocket(client, socket, fail))
    client.once("response", (response) => this.#onResponse(client, response, fail))
    client.cork()
    for (const chunk of this.#request.body) client.write(chunk)
    client.end()
    client.uncork()
    return client
  }

  /** Bytes go out when the connection stands: at once on one that is used again. */
  #onSocket(client: ClientRequest, socket: Socket, fail: (what: string) => void): void {
    const { connectMs, idleMs } = this.#limits
    const stands = () => {
      this.#sent = true
      socket.setTimeout(idleMs)
    }
    const lieStill = () =>
      fail(this.#sent ? `it says nothing for ${idleMs} ms` : `no connection within ${connectMs} ms`)
    const ready = "encrypted" in socket ? "secureConnect" : "connect"
    socket.on("timeout", lieStill)
    client.once("close", () => {
      socket.off("timeout", lieStill)
      socket.off(ready, stands)
    })
    if (client.reusedSocket) return stands()
    socket.setTimeout(connectMs)
    socket.once(ready, stands)
  }

  #onResponse(client: ClientRequest, response: IncomingMessage, fail: (what: string, cause?: unknown) => void): void {
    const status = response.statusCode ?? 0
    const answered = (body: Uint8Array) => this.#resume(Effect.succeed({ status, headers: response.headers, body }))
    const most = this.#limit(status)
    if (most === undefined) {
      answered(new Uint8Array(0))
      return void client.destroy()
    }
    const body = new Body(most, Number(response.headers["content-length"] ?? Number.NaN))
    response.on("error", (error) => fail("its answer ended in the middle", error))
    response.on("data", (chunk: Uint8Array) => {
      if (!body.add(chunk)) fail(`it answers ${status} with more bytes than there may be`)
    })
    response.on("end", () => {
      const bytes = response.complete ? body.whole() : undefined
      if (bytes === undefined) return fail("its answer ended in the middle")
      answered(bytes)
      // It has answered before it took all: the rest is not sent, and the connection not used again.
      if (!client.writableFinished) client.destroy()
    })
  }
}

/** The body of an answer: with a length that is known, bytes are copied once, to where they stay. */
class Body {
  readonly #most: number
  readonly #whole: Uint8Array | undefined
  readonly #parts: Array<Uint8Array> = []
  #bytes = 0

  constructor(most: number, length: number) {
    this.#most = most
    if (length <= most) this.#whole = Buffer.allocUnsafeSlow(length)
  }

  /** False: it has more than there may be. */
  add(chunk: Uint8Array): boolean {
    const at = this.#bytes
    this.#bytes += chunk.length
    if (this.#bytes > (this.#whole?.length ?? this.#most)) return false
    if (this.#whole === undefined) this.#parts.push(chunk)
    else this.#whole.set(chunk, at)
    return true
  }

  /** Undefined: it has fewer than it said. */
  whole(): Uint8Array | undefined {
    if (this.#whole === undefined) return Buffer.concat(this.#parts)
    return this.#bytes === this.#whole.length ? this.#whole : undefined
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "its name cannot be looked up",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to its network",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself: NODE_EXTRA_CA_CERTS names who is trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by somebody unknown: NODE_EXTRA_CA_CERTS names who is trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is signed by somebody unknown: NODE_EXTRA_CA_CERTS names who is trusted"
}

const reasonOf = (error: NodeJS.ErrnoException): string =>
  REASONS[error.code ?? ""] ?? error.message.replaceAll(/\s*\n\s*/g, " ")
