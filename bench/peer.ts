/**
 * Bar 8: a row for each batch beside a row for each record, in two ways that are in use, pg_kafka's and Tansu's (`Peers.ts`
 * says what is theirs). The same Postgres, the same bytes, fsync on for all; 64 producers wait, each with a batch of 16
 * records of 1 KiB. What they have waiting is one commit of ours, and a transaction for each batch of the peers',
 * over as many sessions as theirs, which do not wait for one another. All in turns in each round; medians of the rounds' ratios.
 * `node --conditions=tusk-source bench/peer.ts [--rounds 7] [--seconds 2] [--quick] [--json FILE]`
 */
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import { connect } from "@tusk/storage/pg/connection/connect"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/port/Store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parseArgs } from "node:util"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { PARTITIONS, peers, PER_BATCH, RECORD } from "./Peers.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const rounds = Number(options.rounds ?? (options.quick ? 2 : 7))
const seconds = Number(options.seconds ?? (options.quick ? 1 : 2))
const PRODUCERS = 64
const BATCH_BYTES = RECORD * PER_BATCH

const program = (ending: Ending) =>
  Effect.gen(function* () {
    const postgres = yield* Effect.promise(() => ending.stopping(startPostgres()))
    const session = Effect.acquireRelease(connect(postgres.target, "bench"), (each) => each.close(""))
    const side = yield* session
    const store = Context.get(yield* Layer.build(PgStore.layer(postgres.options)), Store)
    yield* store.acquire(NOTHING_TOLD)
    for (const { schema } of peers) if (schema !== "") yield* side.query(schema)
    const sessions = yield* Effect.forEach(
      Array.from({ length: Math.max(...peers.map((peer) => peer.sessions)) }),
      () => session
    )
    for (const session of sessions) yield* session.prepare(peers.flatMap(({ statements }) => statements))

    const empty = [...new Set(["kafka.batches", ...peers.flatMap(({ tables }) => tables)])].join(", ")
    /** MiB/s that `work` stores: it tells how many batches, and ends when it is time. */
    const measure = (work: (end: number) => Effect.Effect<number, unknown>) =>
      Effect.gen(function* () {
        yield* side.query(`truncate ${empty}; checkpoint`)
        const start = performance.now()
        const batches = yield* work(start + seconds * 1000)
        return (batches * BATCH_BYTES) / 1048.576 / (performance.now() - start)
      })

    /** What 64 producers have waiting goes into the next commit. */
    const perBatch = (end: number) =>
      Effect.gen(function* () {
        const appends = new Appends(BATCH_BYTES, PARTITIONS)
        let commits = 0
        while (performance.now() < end) {
          yield* store.commit([appends.take(PRODUCERS)])
          commits++
        }
        return commits * PRODUCERS
      })
    const ways = [
      { name: "a row for each batch", asItIs: true, work: perBatch },
      ...peers.map(({ asItIs, name, produce, sessions: count }) => ({
        name: `a row for each record, ${name}`,
        asItIs,
        work: (end: number) => {
          // Sessions write to partitions of their own: none waits for another's lock.
          const next = new Array<bigint>(PARTITIONS).fill(0n)
          const [batch] = new Appends(BATCH_BYTES, 1).take(1)
          return Effect.map(
            Effect.forEach(
              sessions.slice(0, count),
              (session, k) =>
                Effect.gen(function* () {
                  let done = 0
                  for (let partition = k; performance.now() < end; partition += count) {
                    const index = partition < PARTITIONS ? partition : (partition = k)
                    yield* produce(session, index, next[index]!, batch!.records)
                    next[index]! += BigInt(PER_BATCH)
                    done++
                  }
                  return done
                }),
              { concurrency: "unbounded" }
            ),
            (done) => done.reduce((sum, each) => sum + each, 0)
          )
        }
      }))
    ]

    const rates = ways.map((): Array<number> => [])
    for (let round = 0; round <= rounds; round++) {
      // Who goes first changes from round to round; round 0 warms all up.
      for (let i = 0; i < ways.length; i++) {
        const k = (i + round) % ways.length
        const rate = yield* measure(ways[k]!.work)
        if (round > 0) rates[k]!.push(rate)
      }
      if (round > 0) console.log(`round ${round}: ${rates.map((each) => each.at(-1)!.toFixed(1)).join(", ")} MiB/s`)
    }
    report(
      ways.flatMap(({ asItIs, name }, k) => {
        const rate = { bar: "8", what: name, value: median(rates[k]!), unit: "MiB/s" }
        if (k === 0) return [rate]
        const ratios = rates[0]!.map((ours, i) => ours / rates[k]![i]!)
        return [
          rate,
          { bar: "8", what: `ratio to ${name}`, value: median(ratios), unit: "x", ...(asItIs ? { least: 5 } : {}) }
        ]
      }),
      options.json
    )
  }).pipe(Effect.scoped)

await runBench((ending) => Effect.runPromise(program(ending)))
