/** What calls say of themselves while requests fail in every way, held against what is in the store. */
import { s3Store } from "@tusk/storage/object/s3/S3Store"
import type { ObjectStore, ObjectStoreError } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Scenario } from "../failover/World.ts"
import { FAULTS, FaultyS3, randomOf, RATES, seedOf } from "./FaultyS3.ts"
import { KEY, Versitygw } from "./Versitygw.ts"

const OBJECTS = 600
const AT_ONCE = 16
const TRIES = 12

const bytesOf = (n: number): Uint8Array => {
  const random = randomOf(n)
  return Uint8Array.from({ length: 1 + Math.floor(random() * 50_000) }, () => random() * 256)
}

const nameOf = (n: number): string => `c/abcdefgh/${String(n).padStart(9, "0")}-${n}`

type Outcome = "there" | "not sent" | "unknown"

/** Puts it until it is there, as the writer does; some only once. */
const put = (store: ObjectStore, n: number): Effect.Effect<Outcome, ObjectStoreError> => {
  const bytes = bytesOf(n)
  const cut = Math.floor(bytes.length / 3)
  const attempt = (left: number): Effect.Effect<Outcome, ObjectStoreError> =>
    store.put(nameOf(n), [bytes.subarray(0, cut), bytes.subarray(cut)]).pipe(
      Effect.as("there" as const),
      Effect.catchTag("ObjectExists", () => Effect.succeed("there" as const)),
      Effect.catchTag("ObjectStoreUnavailable", ({ sent }) =>
        left > 0 ? attempt(left - 1) : Effect.succeed(sent ? ("unknown" as const) : ("not sent" as const))
      )
    )
  return attempt(n % 4 === 0 ? 0 : TRIES)
}

/** Whether the bytes are those that were put; tried again while the store cannot. */
const isWhole = (store: ObjectStore, n: number): Effect.Effect<boolean, unknown> => {
  const bytes = bytesOf(n)
  const from = Math.floor(bytes.length / 2)
  return Effect.retry(store.get(nameOf(n), from, bytes.length), {
    times: 3 * TRIES,
    while: (error) => error._tag === "ObjectStoreUnavailable"
  }).pipe(Effect.map((found) => Buffer.compare(found, bytes.subarray(from)) === 0))
}

const all = <A>(work: (n: number) => Effect.Effect<A, unknown>): Effect.Effect<ReadonlyArray<A>, unknown> =>
  Effect.forEach(
    Array.from({ length: OBJECTS }, (_, n) => n),
    work,
    { concurrency: AT_ONCE }
  )

/** Names of the outcomes that are not what the store has. */
const wrong = (outcomes: ReadonlyArray<Outcome>, sizes: ReadonlyMap<string, number>): ReadonlyArray<string> =>
  outcomes.flatMap((outcome, n) => {
    const size = sizes.get(nameOf(n))
    const isRight = size === undefined ? outcome !== "there" : size === bytesOf(n).length && outcome !== "not sent"
    return isRight ? [] : [`${nameOf(n)}: ${outcome}, of ${size} bytes`]
  })

const sizesIn = (store: ObjectStore) =>
  Effect.map(store.list("c/", undefined), (listed) => new Map(listed.map(({ bytes, name }) => [name, bytes])))

export const faults = (file: string): Scenario => ({
  name: "faults",
  what: "puts and gets while a third of all requests fail in every way",
  run: async (world) => {
    const { ending, report } = world
    const versitygw = await ending.stopping(Versitygw.start(file))
    const proxy = await ending.stopping(FaultyS3.listen(await world.port(), versitygw.port, randomOf(seedOf())))
    const key = { accessKeyId: KEY.id, secretAccessKey: Redacted.make(KEY.secret) }
    const running = Effect.gen(function* () {
      const store = yield* s3Store({ url: versitygw.url("a", proxy.port), key, limits: { idleMs: 3000 } })
      const direct = yield* s3Store({ url: versitygw.url("a"), key })
      yield* store.probe
      proxy.rates = RATES
      const outcomes = yield* all((n) => put(store, n))
      // What was cut off may still be carried out.
      proxy.rates = {}
      yield* store.list("", undefined)
      const sizes = yield* sizesIn(direct)
      report.none("puts that said what is not so", wrong(outcomes, sizes))
      const unknown = outcomes.filter((outcome) => outcome === "unknown").length
      report.note("puts of unknown outcome", `${unknown} of ${OBJECTS / 4} that were tried once`)
      proxy.rates = RATES
      const whole = yield* all((n) => (sizes.has(nameOf(n)) ? isWhole(store, n) : Effect.succeed(true)))
      const broken = whole.flatMap((isRight, n) => (isRight ? [] : [nameOf(n)]))
      report.none("gets that gave other bytes", broken)
    })
    await Effect.runPromise(Effect.scoped(running))
    const counts = FAULTS.map((name) => `${name}: ${proxy.counts.get(name) ?? 0}`).join(", ")
    report.check("faults of every kind", !counts.includes(": 0"), counts, "each")
  }
})
