/** The HTTP server of the admin pages, bounded in everything that a client could make it hold. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Page, Pages } from "./pages.ts"

/** Nobody but a monitor and its operator comes here. */
const MOST_CONNECTIONS = 32
const MOST_HEADER_BYTES = 8 * 1024
const HEADERS_MS = 5000
const IDLE_MS = 10_000
/** From a request to the last byte of its page, however slowly it is taken. */
const ANSWER_MS = 15_000

export interface AdminAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** Serves pages over HTTP for as long as the scope lives. Returns where; fails with the error of `listen`. */
export const serveAdmin = Effect.fnUntraced(function* (
  { host, port }: AdminAddress,
  pageOf: Pages
): Effect.fn.Return<AdminAddress, Error, Scope.Scope> {
  const { createServer } = yield* Effect.promise(() => import("node:http"))
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const options = {
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: HEADERS_MS,
    keepAliveTimeout: IDLE_MS
  }
  const server = createServer(options, (request, response) => {
    fork(answer(request, response, pageOf))
  })
  server.maxConnections = MOST_CONNECTIONS
  server.setTimeout(IDLE_MS)
  yield* Effect.addFinalizer(() => closing(server))
  yield* listening(server, host, port)
  return { host, port: (server.address() as AddressInfo).port }
})

const listening = (server: Server, host: string, port: number): Effect.Effect<void, Error> =>
  Effect.callback<void, Error>((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen({ host, port }, () => {
      // What goes wrong with a connection is nobody's matter but its client's.
      server.on("error", () => {})
      resume(Effect.void)
    })
  })

const closing = (server: Server): Effect.Effect<void> =>
  Effect.sync(() => {
    server.close()
    server.closeAllConnections()
  })

const answer = (request: IncomingMessage, response: ServerResponse, pageOf: Pages): Effect.Effect<void> =>
  Effect.flatMap(pageFor(request, pageOf), (page) => write(response, page)).pipe(
    Effect.timeoutOption(ANSWER_MS),
    Effect.map((written) => {
      if (Option.isNone(written)) response.destroy()
    }),
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("defect in an admin page", defect),
        Effect.sync(() => response.destroy())
      )
    )
  )

const TEXT = "text/plain; charset=utf-8"

const pageFor = ({ method, url = "/" }: IncomingMessage, pageOf: Pages): Effect.Effect<Page> => {
  const page = pageOf(url.split("?")[0]!)
  if (page === undefined) return Effect.succeed({ status: 404, contentType: TEXT, body: "there is no such page\n" })
  if (method === "GET" || method === "HEAD") return page
  return Effect.succeed({ status: 405, contentType: TEXT, body: "only GET and HEAD\n" })
}

/** Returns when the client has taken it, or has gone. */
const write = (response: ServerResponse, { body, contentType, status }: Page): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const bytes = Buffer.from(body)
    response.once("close", () => resume(Effect.void))
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": bytes.byteLength,
      ...(status === 405 ? { allow: "GET, HEAD" } : {})
    })
    response.end(bytes)
  })
