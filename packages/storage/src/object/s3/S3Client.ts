/** Requests to a bucket, signed (AWS Signature Version 4) and sent. */
import { AwsV4Signer } from "aws4fetch"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { ObjectStoreUnavailable } from "../../port/ObjectStore.ts"
import type { FindCredentials } from "./credentials.ts"
import { httpExchange } from "./HttpExchange.ts"
import type { BodyLimit, HttpAnswer, HttpLimits, HttpRequest } from "./HttpExchange.ts"
import type { S3Location } from "./S3Location.ts"

export interface S3Request {
  readonly method: HttpRequest["method"]
  /** The object's key, its prefix included; empty for the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: ReadonlyArray<Uint8Array>
}

export interface S3Client {
  readonly request: (request: S3Request, limit: BodyLimit) => Effect.Effect<HttpAnswer, ObjectStoreUnavailable>
}

/** A day's signing key has one of them for each key of an account. */
const MOST_SIGNING_KEYS = 16

const EMPTY_HASH = createHash("sha256").digest("hex")

const hashOf = (chunks: ReadonlyArray<Uint8Array>): string => {
  const hash = createHash("sha256")
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest("hex")
}

/**
 * What is signed of a body. TLS keeps it whole on its way; without, its hash does, which costs 6 ms of this thread for 8 MiB.
 * The batches in it have checksums of their own.
 */
const signedHash = (chunks: ReadonlyArray<Uint8Array>, isSecure: boolean): string => {
  if (chunks.length === 0) return EMPTY_HASH
  return isSecure ? "UNSIGNED-PAYLOAD" : hashOf(chunks)
}

const urlOf = ({ bucket, isPathStyle, origin }: S3Location, { key, query = {} }: S3Request): URL => {
  const url = new URL(origin)
  url.pathname = isPathStyle ? `/${bucket}/${key}` : `/${key}`
  // As they are signed: a space is %20, never +.
  url.search = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&")
  return url
}

const lengthOf = (chunks: ReadonlyArray<Uint8Array>): number => chunks.reduce((sum, { length }) => sum + length, 0)

export const s3Client = Effect.fnUntraced(function* (
  location: S3Location,
  credentials: FindCredentials,
  limits: HttpLimits,
  certificates?: ReadonlyArray<string>
): Effect.fn.Return<S3Client, never, Scope.Scope> {
  const exchange = yield* httpExchange(location.origin, limits, certificates)
  const isSecure = location.origin.protocol === "https:"
  const signingKeys = new Map<string, ArrayBuffer>()
  const signed = Effect.fnUntraced(function* (
    request: S3Request
  ): Effect.fn.Return<HttpRequest, ObjectStoreUnavailable> {
    const found = yield* credentials
    const { body = [], headers = {}, method } = request
    const url = urlOf(location, request)
    if (signingKeys.size > MOST_SIGNING_KEYS) signingKeys.clear()
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, "x-amz-content-sha256": signedHash(body, isSecure) },
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
      service: "s3",
      region: location.region,
      cache: signingKeys
    })
    const result = yield* Effect.tryPromise({
      try: () => signer.sign(),
      catch: (cause) => new ObjectStoreUnavailable({ message: "a request cannot be signed", sent: false, cause })
    })
    const length = method === "PUT" ? { "content-length": String(lengthOf(body)) } : {}
    return { method, url, body, headers: { host: url.host, ...Object.fromEntries(result.headers), ...length } }
  })
  return { request: (request, limit) => Effect.flatMap(signed(request), (ready) => exchange.send(ready, limit)) }
})
