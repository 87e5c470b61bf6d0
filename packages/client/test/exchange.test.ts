import { assert, describe, it } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeRequest } from "@tusk/protocol/Decode"
import { encodeResponse } from "@tusk/protocol/Header"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { connect } from "../src/BrokerConnection.ts"
import { FrameCutter } from "../src/FrameCutter.ts"
import { plainLogin } from "../src/security/Mechanisms.ts"
import { Transport } from "../src/Transport.ts"
import type { ChannelEvents } from "../src/Transport.ts"

interface Asked {
  readonly api: Api<any, any>
  readonly version: number
  readonly id: number
  readonly body: any
}

/** A broker of the test's: `answer` is called with each request, and says it with `reply`, sooner or later or never. */
const broker = (answer: (asked: Asked, reply: (bytes: Uint8Array) => void, events: ChannelEvents) => void) => {
  const closed: Array<string> = []
  const transport = Transport.of({
    open: (_, events) =>
      Effect.sync(() => {
        const cutter = new FrameCutter()
        return {
          send: (chunks) => {
            for (const frame of cutter.push(Buffer.concat(chunks as Array<Uint8Array>))) {
              const { api, body, header } = Result.getOrThrow(decodeRequest(frame))
              answer({ api, version: header.apiVersion, id: header.correlationId, body }, events.data, events)
            }
          },
          room: Effect.void,
          destroy: () => {
            closed.push("closed")
            events.closed(undefined)
          }
        }
      })
  })
  return { closed, transport }
}

const response = ({ api, id, version }: Asked, body: object, as = version): Uint8Array =>
  Buffer.concat(encodeResponse(api, as, id, { ...api.response.defaults(), ...body }, new Writer()) as Array<Uint8Array>)

const versions = (list: ReadonlyArray<readonly [api: Api<any, any>, min: number, max: number]>) => ({
  apiKeys: list.map(([{ key: apiKey }, minVersion, maxVersion]) => ({ apiKey, minVersion, maxVersion }))
})

const opened = connect({ host: "h", port: 1 }, { clientId: "c", softwareVersion: "1", timeoutMs: 1000 })

const told = (asked: Asked): Uint8Array =>
  response(
    asked,
    versions([
      [ListGroups, 0, 3],
      [Heartbeat, 0, 4],
      [ApiVersions, 0, 4]
    ])
  )

describe("a connection", () => {
  it.effect("asks in the newest version that both know", () => {
    const seen: Array<string> = []
    const { transport } = broker((asked, reply) => {
      seen.push(`${asked.api.name} ${asked.version}`)
      reply(asked.api === ApiVersions ? told(asked) : response(asked, {}))
    })
    return Effect.gen(function* () {
      const connection = yield* opened
      yield* connection.ask(ListGroups, { statesFilter: [], typesFilter: [] })
      yield* connection.ask(Heartbeat, Heartbeat.request.defaults(), { maxVersion: 2 })
      assert.deepStrictEqual(seen, ["ApiVersions 4", "ListGroups 3", "Heartbeat 2"])
      const missing = yield* Effect.flip(connection.ask(Metadata, Metadata.request.defaults()))
      assert.match(missing.message, /cannot do this \(Metadata\): it does not have this API/)
      const old = yield* Effect.flip(connection.ask(ListGroups, ListGroups.request.defaults(), { minVersion: 4 }))
      assert.match(old.message, /\(ListGroups\): it has versions 0 to 3/)
      const filter = { statesFilter: ["Stable"], typesFilter: [] }
      const unsaid = yield* Effect.flip(connection.ask(ListGroups, filter))
      assert.strictEqual(unsaid._tag, "UnsupportedApi")
    }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
  })

  it.effect(
    "takes the answer of a broker that does not know the newest ApiVersions, in version 0, and asks again",
    () => {
      const seen: Array<number> = []
      const { transport } = broker((asked, reply) => {
        if (asked.api !== ApiVersions) return reply(response(asked, {}))
        seen.push(asked.version)
        if (asked.version > 2) reply(response(asked, { errorCode: 35, ...versions([[ApiVersions, 0, 2]]) }, 0))
        else reply(told(asked))
      })
      return Effect.gen(function* () {
        yield* (yield* opened).ask(ListGroups, ListGroups.request.defaults())
        assert.deepStrictEqual(seen, [4, 2])
      }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
    }
  )

  it.effect("gives each of many requests its own answer, however the bytes are cut", () => {
    const { transport } = broker((asked, reply) => {
      const bytes =
        asked.api === ApiVersions
          ? told(asked)
          : response(asked, { groups: [{ groupId: `g${asked.id}`, protocolType: "", groupState: "", groupType: "" }] })
      for (const byte of bytes) reply(Buffer.of(byte))
    })
    return Effect.gen(function* () {
      const connection = yield* opened
      const body = ListGroups.request.defaults()
      const answers = yield* Effect.forEach([1, 2, 3, 4, 5], () => connection.ask(ListGroups, body), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        answers.map(({ groups }) => groups[0]!.groupId),
        ["g2", "g3", "g4", "g5", "g6"]
      )
    }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
  })

  it.effect("an answer that does not come ends it, for all who wait", () => {
    const { closed, transport } = broker((asked, reply) => {
      if (asked.api === ApiVersions) reply(told(asked))
    })
    return Effect.gen(function* () {
      const connection = yield* opened
      const body = ListGroups.request.defaults()
      const first = yield* Effect.forkChild(Effect.flip(connection.ask(ListGroups, body)), { startImmediately: true })
      const longer = yield* Effect.forkChild(Effect.flip(connection.ask(ListGroups, body, { waitsMs: 60_000 })), {
        startImmediately: true
      })
      yield* TestClock.adjust(1000)
      assert.strictEqual((yield* Fiber.join(first)).message, "h:1 did not answer ListGroups within 1000 ms")
      assert.strictEqual((yield* Fiber.join(longer))._tag, "AnswerTimedOut")
      assert.isFalse(connection.isOpen())
      assert.deepStrictEqual(closed, ["closed"])
      assert.strictEqual((yield* Effect.flip(connection.ask(ListGroups, body)))._tag, "AnswerTimedOut")
    }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
  })

  it.effect("what is no answer, or another one's, is an error and the end", () =>
    Effect.gen(function* () {
      const badly: ReadonlyArray<readonly [(asked: Asked) => Uint8Array | undefined, RegExp]> = [
        [() => Buffer.from([0x7f, 0xff, 0xff, 0xff]), /a frame of 2147483647 bytes/],
        [() => Buffer.from([0xff, 0xff, 0xff, 0xff]), /a frame of -1 bytes/],
        [() => Buffer.from([0, 0, 0, 4, 0, 0, 0, 99]), /an answer to request 99, where 2 was due/],
        [({ id }) => Buffer.from([0, 0, 0, 5, 0, 0, 0, id, 0]), /ListGroups 3: /],
        [() => undefined, /h:1: it closed the connection at the first request/]
      ]
      for (const [make, message] of badly) {
        const { transport } = broker((asked, reply, events) => {
          if (asked.api === ApiVersions) return reply(told(asked))
          const bytes = make(asked)
          if (bytes === undefined) events.closed(undefined)
          else reply(bytes)
        })
        const error = yield* Effect.flatMap(opened, (connection) =>
          Effect.flip(connection.ask(ListGroups, ListGroups.request.defaults()))
        ).pipe(Effect.scoped, Effect.provideService(Transport, transport))
        assert.match(error.message, message)
      }
    })
  )
})

describe("a login", () => {
  const options = { clientId: "c", softwareVersion: "1", timeoutMs: 1000 }
  const secured = connect({ host: "h", port: 1 }, { ...options, security: { login: plainLogin("alice", "secret") } })

  /** A broker that knows alice, for `lifetimeMs`. */
  const knowing = (lifetimeMs: bigint, mechanisms: ReadonlyArray<string> = ["PLAIN"]) => {
    const seen: Array<string> = []
    const { transport } = broker((asked, reply) => {
      seen.push(asked.api.name)
      if (asked.api === ApiVersions) {
        const known = [SaslHandshake, SaslAuthenticate, ListGroups].map((api) => [api, 0, api.maxVersion] as const)
        return reply(response(asked, versions(known)))
      }
      if (asked.api === SaslHandshake) {
        return reply(response(asked, { errorCode: mechanisms.includes(asked.body.mechanism) ? 0 : 33, mechanisms }))
      }
      if (asked.api !== SaslAuthenticate) return reply(response(asked, {}))
      const isRight = Buffer.from(asked.body.authBytes).toString() === "\u0000alice\u0000secret"
      reply(response(asked, isRight ? { sessionLifetimeMs: lifetimeMs } : { errorCode: 58, errorMessage: "no" }))
    })
    return { seen, transport }
  }

  it.effect("comes before the first request", () => {
    const { seen, transport } = knowing(0n)
    return Effect.gen(function* () {
      const connection = yield* secured
      yield* connection.ask(ListGroups, ListGroups.request.defaults())
      assert.deepStrictEqual(seen, ["ApiVersions", "SaslHandshake", "SaslAuthenticate", "ListGroups"])
      assert.isTrue(connection.isOpen())
    }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
  })

  it.effect("a connection whose session is about to end takes no more requests (KIP-368)", () =>
    Effect.gen(function* () {
      const connection = yield* secured
      while (connection.isOpen()) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }).pipe(Effect.scoped, Effect.provideService(Transport, knowing(10n).transport))
  )

  it.effect("that fails is no reason to try again, and tells who and where", () =>
    Effect.gen(function* () {
      const wrong = { login: plainLogin("alice", "wrong") }
      const failed = yield* Effect.flip(connect({ host: "h", port: 1 }, { ...options, security: wrong }))
      assert.strictEqual(failed.message, "login of alice by PLAIN at h:1: SASL_AUTHENTICATION_FAILED: no")
    }).pipe(Effect.scoped, Effect.provideService(Transport, knowing(0n).transport))
  )

  it.effect("by a mechanism that is not there tells which are", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(secured)
      assert.include(failed.message, "UNSUPPORTED_SASL_MECHANISM: it takes SCRAM-SHA-512")
    }).pipe(Effect.scoped, Effect.provideService(Transport, knowing(0n, ["SCRAM-SHA-512"]).transport))
  )

  it.effect("a broker that hangs up on a client without one is told as such, at once", () => {
    const { transport } = broker((asked, reply, events) => {
      if (asked.api === ApiVersions) reply(response(asked, versions([[ListGroups, 0, 3]])))
      else events.closed(undefined)
    })
    return Effect.gen(function* () {
      const failed = yield* Effect.flip((yield* opened).ask(ListGroups, ListGroups.request.defaults()))
      assert.strictEqual(failed._tag, "BrokerUnreachable")
      assert.include(failed.message, "does it want a login?")
    }).pipe(Effect.scoped, Effect.provideService(Transport, transport))
  })
})
