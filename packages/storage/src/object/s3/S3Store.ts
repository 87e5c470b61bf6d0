/** Objects in S3, and in what speaks it. A start's `probe` tells whether it keeps to the conditions that all rests on. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { LISTED, ofObject } from "../../port/ObjectName.ts"
import { ObjectExists, ObjectMissing, ObjectStoreRefused, ObjectStoreUnavailable } from "../../port/ObjectStore.ts"
import type { ListedObject, ObjectStore, ObjectStoreError, TaggedObject } from "../../port/ObjectStore.ts"
import { codeOf, failureOf, isSuccess, MOST_ERROR_BYTES } from "./answers.ts"
import { foundCredentials, givenCredentials } from "./credentials.ts"
import type { S3Key } from "./credentials.ts"
import { DEFAULT_LIMITS } from "./HttpExchange.ts"
import type { HttpAnswer, HttpLimits } from "./HttpExchange.ts"
import { MOST_LIST_BYTES, pageOf } from "./listing.ts"
import type { Page } from "./listing.ts"
import { probe } from "./probe.ts"
import { s3Client } from "./S3Client.ts"
import type { S3Client } from "./S3Client.ts"
import { locationName, s3Location } from "./S3Location.ts"
import type { S3Location } from "./S3Location.ts"

export interface S3Options {
  /** `s3://bucket/prefix?endpoint=https://host:port&region=…&path-style=true`. */
  readonly url: string
  /** Undefined: credentials are found as AWS's tools find them. */
  readonly key?: S3Key | undefined
  readonly limits?: Partial<HttpLimits>
  /** Who is trusted for TLS, in PEM; undefined: whom Node trusts (NODE_EXTRA_CA_CERTS). */
  readonly certificates?: ReadonlyArray<string>
}

/** A store of objects in a bucket. Fails if the URL is none; nothing is sent before it is asked. */
export const s3Store = Effect.fnUntraced(function* (
  options: S3Options
): Effect.fn.Return<ObjectStore, ObjectStoreRefused, Scope.Scope> {
  const location = yield* s3Location(options.url)
  const credentials = options.key === undefined ? foundCredentials() : givenCredentials(options.key)
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  return new S3Store(location, yield* s3Client(location, credentials, limits, options.certificates))
})

/** An object that is changed in place: a few lines. */
const MOST_TAGGED_BYTES = 1024 * 1024

const text = ({ body }: HttpAnswer): string =>
  Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8")

class S3Store implements ObjectStore {
  readonly name: string
  readonly isLocal = false
  readonly grow = undefined
  readonly #location: S3Location
  readonly #client: S3Client

  constructor(location: S3Location, client: S3Client) {
    this.name = locationName(location)
    this.#location = location
    this.#client = client
  }

  get probe(): Effect.Effect<void, ObjectStoreError> {
    return probe(this)
  }

  readonly put: ObjectStore["put"] = (name, chunks) =>
    Effect.flatMap(this.#key(name), (key) =>
      Effect.flatMap(this.#write(key, { "if-none-match": "*" }, chunks), (answer): ReturnType<ObjectStore["put"]> => {
        if (isSuccess(answer.status)) return Effect.void
        if (answer.status === 412) return Effect.fail(new ObjectExists({ name }))
        return Effect.fail(failureOf(`object ${name} is not put`, answer))
      })
    )

  readonly get: ObjectStore["get"] = (name, from, to) =>
    Effect.flatMap(this.#key(name), (key) => {
      if (from >= to) return Effect.succeed(new Uint8Array(0))
      const headers = { range: `bytes=${from}-${to - 1}` }
      const limit = (status: number) => (status === 206 ? to - from : isSuccess(status) ? undefined : MOST_ERROR_BYTES)
      return Effect.flatMap(this.#client.request({ method: "GET", key, headers }, limit), (answer) =>
        rangeOf(name, from, to, answer)
      )
    })

  readonly list: ObjectStore["list"] = (prefix, after) => this.#list(prefix, after)

  readonly #list = Effect.fnUntraced(function* (
    this: S3Store,
    prefix: string,
    after: string | undefined
  ): Effect.fn.Return<ReadonlyArray<ListedObject>, ObjectStoreError> {
    const found: Array<ListedObject> = []
    let last = after
    // A page may be short before the end, and a caller is told of the end by a short one.
    while (found.length < LISTED) {
      const { isLast, objects } = yield* this.#page(prefix, last, LISTED - found.length)
      found.push(...objects)
      if (isLast) break
      last = objects.at(-1)!.name
    }
    return found
  }).bind(this)

  readonly remove: ObjectStore["remove"] = (name) =>
    Effect.flatMap(this.#key(name), (key) =>
      Effect.flatMap(
        this.#client.request({ method: "DELETE", key }, () => MOST_ERROR_BYTES),
        (answer) =>
          isSuccess(answer.status) || isMissing(answer)
            ? Effect.void
            : Effect.fail(failureOf(`object ${name} is not removed`, answer))
      )
    )

  readonly readTagged: ObjectStore["readTagged"] = (name) =>
    Effect.flatMap(this.#key(name), (key) =>
      Effect.flatMap(
        this.#client.request({ method: "GET", key }, () => MOST_TAGGED_BYTES),
        (answer): Effect.Effect<TaggedObject | undefined, ObjectStoreError> => {
          const { body, headers, status } = answer
          if (isMissing(answer)) return Effect.succeed(undefined)
          if (status !== 200) return Effect.fail(failureOf(`object ${name} is not read`, answer))
          if (headers.etag !== undefined) return Effect.succeed({ value: body, tag: headers.etag })
          return Effect.fail(new ObjectStoreRefused({ message: `the object store gives object ${name} no ETag` }))
        }
      )
    )

  readonly replaceTagged: ObjectStore["replaceTagged"] = (name, tag, value) =>
    Effect.flatMap(this.#key(name), (key) => {
      const condition: Readonly<Record<string, string>> =
        tag === undefined ? { "if-none-match": "*" } : { "if-match": tag }
      return Effect.flatMap(this.#write(key, condition, [value]), (answer) => {
        if (isSuccess(answer.status)) return Effect.succeed(true)
        if (answer.status === 412 || (tag !== undefined && isMissing(answer))) return Effect.succeed(false)
        return Effect.fail(failureOf(`object ${name} is not replaced`, answer))
      })
    })

  #key(name: string): Effect.Effect<string, ObjectStoreRefused> {
    return ofObject(
      name,
      Effect.sync(() => this.#location.prefix + name)
    )
  }

  #write(
    key: string,
    condition: Readonly<Record<string, string>>,
    body: ReadonlyArray<Uint8Array>
  ): Effect.Effect<HttpAnswer, ObjectStoreUnavailable> {
    const headers = { ...condition, "content-type": "application/octet-stream" }
    return this.#client.request({ method: "PUT", key, headers, body }, () => MOST_ERROR_BYTES)
  }

  /** A page without an object is the last. */
  #page(prefix: string, after: string | undefined, most: number): Effect.Effect<Page, ObjectStoreError> {
    const own = this.#location.prefix
    const query = {
      "list-type": "2",
      "encoding-type": "url",
      "max-keys": String(most),
      prefix: own + prefix,
      ...(after === undefined ? {} : { "start-after": own + after })
    }
    const limit = (status: number) => (isSuccess(status) ? MOST_LIST_BYTES : MOST_ERROR_BYTES)
    return Effect.flatMap(this.#client.request({ method: "GET", key: "", query }, limit), (answer) => {
      if (answer.status !== 200) return Effect.fail(failureOf(`objects below ${prefix} are not listed`, answer))
      const page = pageOf(text(answer))
      if (page === undefined) return Effect.fail(odd("its list cannot be read"))
      const wrong = wrongIn(page, query.prefix, query["start-after"], most)
      if (wrong !== undefined) return Effect.fail(odd(wrong))
      const objects = page.objects.map(({ bytes, name }) => ({ name: name.slice(own.length), bytes }))
      return Effect.succeed({ objects, isLast: page.isLast })
    })
  }
}

const isMissing = (answer: HttpAnswer): boolean => answer.status === 404 && codeOf(answer) === "NoSuchKey"

/** It answered, and not what it was asked: it may do better when it is asked again. */
const odd = (what: string): ObjectStoreUnavailable =>
  new ObjectStoreUnavailable({ message: `the object store: ${what}`, sent: true })

/** All bytes of the range, or why not. */
const rangeOf = (
  name: string,
  from: number,
  to: number,
  answer: HttpAnswer
): Effect.Effect<Uint8Array, ObjectMissing | ObjectStoreError> => {
  const { body, headers, status } = answer
  if (isMissing(answer)) return Effect.fail(new ObjectMissing({ name }))
  const what = `bytes ${from} to ${to} of object ${name} are not read`
  if (status === 416) return Effect.fail(new ObjectStoreRefused({ message: `${what}: it has fewer` }))
  if (!isSuccess(status)) return Effect.fail(failureOf(what, answer))
  if (status !== 206) return Effect.fail(new ObjectStoreRefused({ message: `${what}: the object store ignores Range` }))
  if (headers["content-range"]?.startsWith(`bytes ${from}-`) !== true)
    return Effect.fail(odd(`${what}: it answers with others`))
  if (body.length === to - from) return Effect.succeed(body)
  return Effect.fail(new ObjectStoreRefused({ message: `${what}: it has fewer` }))
}

/** Keys of a page go up, and are of those that were asked for: on that the caller's next question rests. */
const wrongIn = (page: Page, prefix: string, after: string | undefined, most: number): string | undefined => {
  if (page.objects.length > most) return "its list is longer than was asked"
  if (page.objects.length === 0 && !page.isLast) return "its list goes on, and is empty"
  let last = after ?? ""
  for (const { name } of page.objects) {
    if (!name.startsWith(prefix)) return "its list holds what was not asked for"
    if (name <= last) return "its list is in no order"
    last = name
  }
  return undefined
}
