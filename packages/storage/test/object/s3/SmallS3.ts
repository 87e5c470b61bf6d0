/** A server that speaks as much of S3 as Tusk asks for, over HTTP or HTTPS, in memory; and what else may come of a request. */
import { createHash, randomUUID } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"

/** What becomes of one request instead of, or after, what it asks for. */
export type Fault =
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** It is carried out, and the connection is cut before the answer. */
  | { readonly kind: "cutAfter" }
  /** The connection is cut before anything is done. */
  | { readonly kind: "cutBefore" }
  /** It is carried out; half of the answer comes, and the connection is cut. */
  | { readonly kind: "half" }
  /** Nothing is done or answered. */
  | { readonly kind: "silence" }
  /** The answer's bytes are others, its length or head too. */
  | {
      readonly kind: "instead"
      readonly status: number
      readonly headers: Record<string, string>
      readonly body: string
    }

export interface SmallS3Options {
  readonly ignores?: ReadonlyArray<"If-None-Match" | "If-Match" | "Range" | "max-keys" | "start-after">
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Objects in a page, at most. */
  readonly page?: number
}

interface Stored {
  readonly bytes: Buffer
  readonly tag: string
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
}

const BUCKET = "tusk"

const error = (status: number, code: string): Answer => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>said of ${code}</Message></Error>`
})

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export class SmallS3 {
  readonly objects = new Map<string, Stored>()
  /** `PUT /tusk/a` of each request, in order. */
  readonly requests: Array<string> = []
  readonly heads: Array<IncomingMessage["headers"]> = []
  /** One for each of the next requests; undefined: that one goes as it should. */
  readonly faults: Array<Fault | undefined> = []
  readonly sockets = new Set<Socket>()
  connections = 0
  readonly #options: SmallS3Options
  readonly #server: Server

  private constructor(options: SmallS3Options) {
    this.#options = options
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => response.destroy())
    }
    this.#server = options.tls === undefined ? createServer(listener) : createSecureServer(options.tls, listener)
    this.#server.on("connection", (socket: Socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.once("close", () => this.sockets.delete(socket))
    })
  }

  static start(options: SmallS3Options = {}): Promise<SmallS3> {
    const small = new SmallS3(options)
    return new Promise((resolve, reject) => {
      small.#server.once("error", reject)
      small.#server.listen(0, "127.0.0.1", () => resolve(small))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  url(prefix = ""): string {
    const origin = this.#options.tls === undefined ? "http://127.0.0.1" : "https://localhost"
    return `s3://${BUCKET}/${prefix}?endpoint=${origin}:${this.port}&region=us-east-1`
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url!.split("?")[0]}`)
    this.heads.push(request.headers)
    const fault = this.faults.shift()
    if (fault?.kind === "cutBefore") return void request.socket.resetAndDestroy()
    if (fault?.kind === "silence") return
    const body = await bodyOf(request)
    if (fault?.kind === "answer") return this.#answer(response, error(fault.status, fault.code))
    const answer = this.#carryOut(request, body)
    if (fault?.kind === "cutAfter") return void request.socket.resetAndDestroy()
    if (fault?.kind === "instead") return this.#answer(response, fault)
    if (fault?.kind === "half") return this.#half(response, answer)
    this.#answer(response, answer)
  }

  #answer(response: ServerResponse, { body = "", headers = {}, status }: Answer): void {
    const bytes = Buffer.from(body)
    response.writeHead(status, { "content-length": String(bytes.length), ...headers })
    response.end(bytes)
  }

  #half(response: ServerResponse, { body = "", headers = {}, status }: Answer): void {
    const bytes = Buffer.from(body)
    response.writeHead(status, { "content-length": String(bytes.length + 10), ...headers })
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
  }

  #carryOut(request: IncomingMessage, body: Buffer): Answer {
    const url = new URL(request.url!, "http://small")
    const hash = request.headers["x-amz-content-sha256"]
    if (
      !/^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/us-east-1\/s3\/aws4_request, /.test(
        request.headers.authorization ?? ""
      )
    ) {
      return error(403, "InvalidAccessKeyId")
    }
    if (hash !== "UNSIGNED-PAYLOAD" && hash !== createHash("sha256").update(body).digest("hex")) {
      return error(400, "XAmzContentSHA256Mismatch")
    }
    const [, bucket, ...rest] = url.pathname.split("/").map(decodeURIComponent)
    if (bucket !== BUCKET) return error(404, "NoSuchBucket")
    const key = rest.join("/")
    if (request.method === "PUT") return this.#put(key, body, request.headers)
    if (request.method === "DELETE") {
      this.objects.delete(key)
      return { status: 204 }
    }
    return key === "" ? this.#list(url.searchParams) : this.#get(key, request.headers.range)
  }

  #put(key: string, bytes: Buffer, headers: IncomingMessage["headers"]): Answer {
    const { ignores = [] } = this.#options
    const there = this.objects.get(key)
    if (headers["if-none-match"] === "*" && there !== undefined && !ignores.includes("If-None-Match")) {
      return error(412, "PreconditionFailed")
    }
    const wanted = headers["if-match"]
    if (wanted !== undefined && !ignores.includes("If-Match")) {
      if (there === undefined) return error(404, "NoSuchKey")
      if (there.tag !== wanted) return error(412, "PreconditionFailed")
    }
    const tag = `"${randomUUID()}"`
    this.objects.set(key, { bytes, tag })
    return { status: 200, headers: { etag: tag } }
  }

  #get(key: string, range: string | undefined): Answer {
    const there = this.objects.get(key)
    if (there === undefined) return error(404, "NoSuchKey")
    const { bytes, tag } = there
    const parts = /^bytes=(\d+)-(\d+)$/.exec(range ?? "")
    if (parts === null || this.#options.ignores?.includes("Range"))
      return { status: 200, headers: { etag: tag }, body: bytes }
    const from = Number(parts[1])
    if (from >= bytes.length) return error(416, "InvalidRange")
    const to = Math.min(Number(parts[2]) + 1, bytes.length)
    const headers = { etag: tag, "content-range": `bytes ${from}-${to - 1}/${bytes.length}` }
    return { status: 206, headers, body: bytes.subarray(from, to) }
  }

  #list(query: URLSearchParams): Answer {
    const { ignores = [], page = 1000 } = this.#options
    const after = ignores.includes("start-after") ? "" : (query.get("start-after") ?? "")
    const most = ignores.includes("max-keys") ? page : Math.min(page, Number(query.get("max-keys") ?? "1000"))
    const prefix = query.get("prefix") ?? ""
    const all = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
    const contents = all.slice(0, most).map((key) => {
      const shown = query.get("encoding-type") === "url" ? encodeURIComponent(key) : key
      const { bytes, tag } = this.objects.get(key)!
      return `<Contents><Key>${shown}</Key><ETag>${tag.replaceAll('"', "&quot;")}</ETag><Size>${bytes.length}</Size></Contents>`
    })
    const body =
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${BUCKET}</Name>` +
      `<EncodingType>url</EncodingType><KeyCount>${contents.length}</KeyCount><IsTruncated>${all.length > most}</IsTruncated>${contents.join("")}</ListBucketResult>`
    return { status: 200, headers: { "content-type": "application/xml" }, body }
  }
}
