import * as Effect from "effect/Effect"
import { createLocalJWKSet } from "jose"
import type { JSONWebKeySet, JWTVerifyGetKey } from "jose"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

/** Where keys come from, and how often; times in milliseconds. */
export interface JwksOptions {
  /** `https:`, `http:` or `file:`. */
  readonly url: string
  /** `sasl.oauthbearer.jwks.endpoint.refresh.ms` */
  readonly refreshMs: number
  /** `sasl.oauthbearer.jwks.endpoint.retry.backoff.ms`: doubled with each failure, up to `maxBackoffMs`. */
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly nowMs: () => number
}

/** A server that says nothing for so long has failed. */
const FETCH_MS = 10_000
/** More is no set of keys. */
const MAX_BYTES = 1 << 20

/**
 * The keys that sign tokens (RFC 7517). They are read when they are first needed; old ones are used while they are read
 * anew, and when that fails.
 */
export class JwksKeys {
  readonly #options: JwksOptions
  #keys: JWTVerifyGetKey | undefined
  #readMs = -Infinity
  #failures = 0
  /** No sooner than this they are read again. */
  #notBeforeMs = -Infinity
  #reading: Promise<void> | undefined
  /** Why they could not be read, the last time. */
  problem: string | undefined

  constructor(options: JwksOptions) {
    this.#options = options
  }

  /** Undefined: none could be read yet. */
  get current(): Effect.Effect<JWTVerifyGetKey | undefined> {
    return Effect.promise(async () => {
      const { nowMs, refreshMs } = this.#options
      const isOld = nowMs() - this.#readMs > refreshMs
      if (isOld) void this.#read()
      if (this.#keys === undefined) await this.#reading
      return this.#keys
    })
  }

  /** A token names a key that is not among them: reads them anew, unless that was done a moment ago. */
  get again(): Effect.Effect<JWTVerifyGetKey | undefined> {
    return Effect.promise(async () => {
      await this.#read()
      return this.#keys
    })
  }

  #read(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading
    if (this.#options.nowMs() < this.#notBeforeMs) return Promise.resolve()
    return (this.#reading = this.#load().finally(() => {
      this.#reading = undefined
    }))
  }

  async #load(): Promise<void> {
    const { backoffMs, maxBackoffMs, nowMs, url } = this.#options
    try {
      this.#keys = createLocalJWKSet(JSON.parse(await textAt(url)) as JSONWebKeySet)
      this.#readMs = nowMs()
      this.#failures = 0
      this.problem = undefined
      this.#notBeforeMs = nowMs() + maxBackoffMs
    } catch (error) {
      this.problem = problemOf(error)
      this.#notBeforeMs = nowMs() + Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(this.#failures++, 30))
    }
  }
}

/** A parser repeats what it has read: that may be a key. */
const problemOf = (error: unknown): string => {
  if (error instanceof SyntaxError) return "what is there is no JSON"
  return error instanceof Error ? error.message : String(error)
}

const textAt = async (url: string): Promise<string> => {
  if (url.startsWith("file:")) return bounded(await readFile(fileURLToPath(url)))
  const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS), headers: { accept: "application/json" } })
  if (!answer.ok) throw new Error(`the server of the keys answers ${answer.status}`)
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk)
    if ((bytes += chunk.byteLength) > MAX_BYTES) break
  }
  return bounded(Buffer.concat(chunks))
}

const bounded = (bytes: Buffer): string => {
  if (bytes.byteLength > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes are no set of keys`)
  return bytes.toString("utf8")
}
