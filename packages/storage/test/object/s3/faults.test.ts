/** What comes of requests that go wrong: said as a value, and as it is said, whether the request may have been carried out. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import type { ObjectStoreUnavailable } from "../../../src/port/ObjectStore.ts"
import { smallS3, storeAt } from "./S3Stores.ts"
import type { Fault } from "./SmallS3.ts"

const VALUE = new TextEncoder().encode("some bytes")

const failing = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<E, A> => Effect.flip(effect)

/** `Unavailable sent`, `Unavailable`, `Refused`, … */
const said = (error: { readonly _tag: string }): string =>
  error._tag.replace("ObjectStore", "") + ((error as Partial<ObjectStoreUnavailable>).sent === true ? " sent" : "")

describe("an S3 request that goes wrong", () => {
  const cases: ReadonlyArray<readonly [what: string, fault: Fault, put: string, isStored: boolean, get: string]> = [
    ["500", { kind: "answer", status: 500, code: "InternalError" }, "Unavailable sent", false, "Unavailable sent"],
    ["503", { kind: "answer", status: 503, code: "SlowDown" }, "Unavailable sent", false, "Unavailable sent"],
    [
      "409",
      { kind: "answer", status: 409, code: "ConditionalRequestConflict" },
      "Unavailable sent",
      false,
      "Unavailable sent"
    ],
    ["403", { kind: "answer", status: 403, code: "AccessDenied" }, "Refused", false, "Refused"],
    ["no bucket", { kind: "answer", status: 404, code: "NoSuchBucket" }, "Refused", false, "Refused"],
    ["a cut before it is done", { kind: "cutBefore" }, "Unavailable sent", false, "Unavailable sent"],
    ["a cut after it is done", { kind: "cutAfter" }, "Unavailable sent", true, "Unavailable sent"],
    ["half an answer", { kind: "half" }, "Unavailable sent", true, "Unavailable sent"],
    ["silence", { kind: "silence" }, "Unavailable sent", false, "Unavailable sent"]
  ]
  for (const [what, fault, put, isStored, get] of cases) {
    it.live(`${what}: it says so, and is there or not`, () =>
      Effect.gen(function* () {
        const small = yield* smallS3()
        const store = yield* storeAt(small.url(), { idleMs: 150 })
        small.faults.push(fault)
        assert.strictEqual(said(yield* failing(store.put("a", [VALUE]))), put)
        assert.strictEqual(small.objects.has("a"), isStored)
        // As the writer does: the same again, until it is there.
        const again = yield* store.put("a", [VALUE]).pipe(
          Effect.as("put"),
          Effect.catchTag("ObjectExists", () => Effect.succeed("there"))
        )
        assert.strictEqual(again, isStored ? "there" : "put")
        small.faults.push(fault)
        assert.strictEqual(said(yield* failing(store.get("a", 0, 10))), get)
        assert.deepStrictEqual(new Uint8Array(yield* store.get("a", 2, 6)), VALUE.subarray(2, 6))
        for (const call of [
          store.list("", undefined),
          store.remove("b"),
          store.readTagged("a"),
          store.replaceTagged("b", undefined, VALUE)
        ]) {
          small.faults.push(fault)
          assert.strictEqual(said(yield* failing(call as Effect.Effect<unknown, { readonly _tag: string }>)), get)
        }
      })
    )
  }

  it.live("is not sent where nothing listens", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url())
      const { port } = small
      yield* Effect.promise(() => small.stop())
      const error = yield* failing(store.put("a", [VALUE]))
      assert.strictEqual(said(error), "Unavailable")
      assert.include(error.message, `127.0.0.1:${port}: nothing listens there`)
    })
  )

  it.live("is not sent where TLS is not answered, nor without trust", () =>
    Effect.gen(function* () {
      const silent = createServer(() => {})
      yield* Effect.promise(() => new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve)))
      yield* Effect.addFinalizer(() => Effect.sync(() => silent.close()))
      const { port } = silent.address() as AddressInfo
      const store = yield* storeAt(`s3://tusk?endpoint=https://127.0.0.1:${port}`, { connectMs: 100 })
      const error = yield* failing(store.put("a", [VALUE]))
      assert.strictEqual(said(error), "Unavailable")
      assert.include(error.message, "no connection within 100 ms")
      const small = yield* smallS3({ tls })
      const untrusting = yield* failing((yield* storeAt(small.url())).put("a", [VALUE]))
      assert.strictEqual(said(untrusting), "Unavailable")
      assert.include(untrusting.message, "NODE_EXTRA_CA_CERTS")
    })
  )

  it.live("ends within the time of a request, also where it waits for a socket", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url(), { sockets: 1, requestMs: 200 })
      small.faults.push({ kind: "silence" }, { kind: "silence" })
      const first = yield* Effect.forkChild(failing(store.put("a", [VALUE])))
      yield* Effect.sleep(20)
      const second = yield* failing(store.put("b", [VALUE]))
      assert.include(second.message, "it has not answered for 200 ms")
      assert.strictEqual(said(yield* Fiber.join(first)), "Unavailable sent")
      assert.strictEqual(small.objects.size, 0)
    })
  )

  it.live("that nobody waits for any more is cut", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url())
      small.faults.push({ kind: "silence" })
      const fiber = yield* Effect.forkChild(store.get("a", 0, 1))
      while (small.requests.length === 0) yield* Effect.sleep(2)
      yield* Fiber.interrupt(fiber)
      while (small.sockets.size > 0) yield* Effect.sleep(2)
    })
  )
})

const TLS = new URL("../../pg/tls/", import.meta.url)
const pem = (name: string) => readFileSync(new URL(name, TLS), "utf8")
const tls = { key: pem("server.key"), cert: pem("server.crt") }

describe("answers that are none", () => {
  const VALID = { "content-range": "bytes 0-9/10" }
  const cases: ReadonlyArray<
    readonly [what: string, answer: Omit<Extract<Fault, { kind: "instead" }>, "kind">, said: string]
  > = [
    ["fewer bytes of the range", { status: 206, headers: VALID, body: "short" }, "Refused"],
    ["more bytes of the range", { status: 206, headers: VALID, body: "longer than it should be" }, "Unavailable sent"],
    [
      "another range",
      { status: 206, headers: { "content-range": "bytes 5-14/20" }, body: "0123456789" },
      "Unavailable sent"
    ],
    ["no range", { status: 206, headers: {}, body: "0123456789" }, "Unavailable sent"],
    ["a page of another server", { status: 404, headers: {}, body: "<html>404 page not found</html>" }, "Refused"],
    ["an endless error", { status: 500, headers: {}, body: "x".repeat(70_000) }, "Unavailable sent"]
  ]
  for (const [what, answer, wanted] of cases) {
    it.live(`of a GET: ${what}`, () =>
      Effect.gen(function* () {
        const small = yield* smallS3()
        const store = yield* storeAt(small.url())
        small.faults.push({ kind: "instead", ...answer })
        assert.strictEqual(said(yield* failing(store.get("a", 0, 10))), wanted)
      })
    )
  }

  it.live("of a list: no XML, other names, no order, no end", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url("own"))
      const page = (truncated: boolean, ...keys: ReadonlyArray<string>) =>
        `<ListBucketResult><IsTruncated>${truncated}</IsTruncated>` +
        `${keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join("")}</ListBucketResult>`
      const cases: ReadonlyArray<readonly [string, RegExp]> = [
        ["hello", /cannot be read/],
        [page(true), /goes on, and is empty/],
        [page(false, "other/a"), /not asked for/],
        [page(false, "own/b", "own/a"), /in no order/],
        [page(false, "own/a", "own/a"), /in no order/]
      ]
      for (const [body, message] of cases) {
        small.faults.push({ kind: "instead", status: 200, headers: {}, body })
        const error = yield* failing(store.list("", undefined))
        assert.strictEqual(said(error), "Unavailable sent")
        assert.match(error.message, message)
      }
    })
  )

  it.live("of a list: pages that are shorter than they might be are put together", () =>
    Effect.gen(function* () {
      const small = yield* smallS3({ page: 7 })
      const store = yield* storeAt(small.url())
      for (let i = 0; i < 30; i++) yield* store.put(`c/${String(i).padStart(2, "0")}`, [])
      assert.strictEqual((yield* store.list("c/", undefined)).length, 30)
      assert.deepStrictEqual(
        (yield* store.list("c/", "c/26")).map(({ name }) => name),
        ["c/27", "c/28", "c/29"]
      )
    })
  )
})

describe("requests that go right", () => {
  it.live("share connections, say how long they are, and are signed with the body's hash", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url("own"))
      for (let i = 0; i < 5; i++) yield* store.put(`a${i}`, [VALUE, VALUE])
      assert.strictEqual(small.connections, 1)
      const [head] = small.heads
      assert.strictEqual(head!["content-length"], "20")
      assert.strictEqual(head!["transfer-encoding"], undefined)
      assert.strictEqual(head!["if-none-match"], "*")
      assert.match(head!["x-amz-content-sha256"] as string, /^[0-9a-f]{64}$/)
      assert.match(head!.authorization!, /SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date/)
      assert.strictEqual(small.requests[0], "PUT /tusk/own/a0")
    })
  )

  it.live("use no more connections than they may", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url(), { sockets: 3 })
      const names = Array.from({ length: 40 }, (_, i) => `a${i}`)
      yield* Effect.forEach(names, (name) => store.put(name, [VALUE]), { concurrency: "unbounded", discard: true })
      assert.strictEqual(small.objects.size, 40)
      assert.isAtMost(small.connections, 3)
    })
  )

  it.live("go over TLS, where the body is not hashed", () =>
    Effect.gen(function* () {
      const small = yield* smallS3({ tls })
      const store = yield* storeAt(small.url(), {}, [pem("ca.crt")])
      yield* store.probe
      assert.isTrue(small.heads.some((head) => head["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD"))
      assert.strictEqual(small.connections, 1)
      small.faults.push({ kind: "cutAfter" })
      assert.strictEqual(said(yield* failing(store.put("a", [VALUE]))), "Unavailable sent")
      assert.isTrue(small.objects.has("a"))
    })
  )
})

describe("the probe of an S3 store", () => {
  it.live("leaves nothing behind", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      yield* (yield* storeAt(small.url("own"))).probe
      assert.strictEqual(small.objects.size, 0)
    })
  )

  it.live("takes away what earlier ones left, a day later", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* storeAt(small.url("own"))
      const now = yield* Clock.currentTimeMillis
      const [old, young, other] = [now - 86_500_000, now - 86_300_000, 0].map((time) => `probe-${time.toString(36)}-x`)
      for (const name of [old!, young!, other!]) yield* store.put(name, [VALUE])
      yield* store.probe
      assert.deepStrictEqual([...small.objects.keys()].toSorted(), [`own/${other}`, `own/${young}`])
    })
  )

  const cases = [
    ["If-None-Match", /ignores If-None-Match/],
    ["If-Match", /ignores If-Match/],
    ["Range", /ignores Range/]
  ] as const
  for (const [ignored, message] of cases) {
    it.live(`says what is ignored: ${ignored}`, () =>
      Effect.gen(function* () {
        const small = yield* smallS3({ ignores: [ignored] })
        const error = yield* failing((yield* storeAt(small.url("own"))).probe)
        assert.match(error.message, message)
        assert.strictEqual(error._tag, "ObjectStoreRefused")
        assert.strictEqual(small.objects.size, 0)
      })
    )
  }

  it.live("says who may not, and that a bucket is not there", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      small.faults.push({ kind: "answer", status: 403, code: "AccessDenied" })
      const denied = yield* failing((yield* storeAt(small.url())).probe)
      assert.include(denied.message, "403 AccessDenied, the key may not do that")
      const other = yield* failing((yield* storeAt(small.url().replace("s3://tusk/", "s3://other/"))).probe)
      assert.include(other.message, "404 NoSuchBucket, there is no such bucket")
      assert.strictEqual(other._tag, "ObjectStoreRefused")
    })
  )
})
