import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { accepted, challenge, identityOf, rejected } from "../../../src/security/sasl/Exchange.ts"
import { arrive, BEGINNING, evaluated, shakeHands, versionsTold } from "../../../src/security/sasl/LoginMachine.ts"
import type { Arrived, LoginState, Stage } from "../../../src/security/sasl/LoginMachine.ts"

const ENABLED = ["PLAIN", "SCRAM-SHA-256"]
const ALICE = identityOf("User:alice")
const NOW = { nowMs: 5000, wallMs: 1_000_000, maxReauthMs: 0 }

const agreed = (version = 1, from: LoginState = BEGINNING) => shakeHands(from, version, "PLAIN", ENABLED)[0]
const done = (maxReauthMs = 0, expiresMs = Infinity) =>
  evaluated(agreed(), accepted(ALICE, undefined, expiresMs), { ...NOW, maxReauthMs })

/** The table at the head of the machine's file: what becomes of what comes, and the stage after. */
const TABLE: ReadonlyArray<readonly [name: string, state: LoginState, expected: Readonly<Record<Arrived, string>>]> = [
  [
    "at the beginning",
    BEGINNING,
    { apiVersions: "Serve", saslHandshake: "Serve", saslAuthenticate: "Close", other: "Close", token: "Close" }
  ],
  [
    "after ApiVersions",
    versionsTold(BEGINNING),
    { apiVersions: "Close", saslHandshake: "Serve", saslAuthenticate: "Close", other: "Close", token: "Close" }
  ],
  [
    "after SaslHandshake 1",
    agreed(),
    {
      apiVersions: "OutOfTurn",
      saslHandshake: "OutOfTurn",
      saslAuthenticate: "Serve",
      other: "OutOfTurn",
      token: "Close"
    }
  ],
  [
    "after SaslHandshake 0",
    agreed(0),
    { apiVersions: "Close", saslHandshake: "Close", saslAuthenticate: "Close", other: "Close", token: "Token" }
  ],
  [
    "when it is done",
    done()[0],
    { apiVersions: "Serve", saslHandshake: "Serve", saslAuthenticate: "Serve", other: "Serve", token: "Close" }
  ],
  [
    "when it has failed",
    evaluated(agreed(), rejected("wrong"), NOW)[0],
    { apiVersions: "Close", saslHandshake: "Close", saslAuthenticate: "Close", other: "Close", token: "Close" }
  ]
]

const ARRIVED = ["apiVersions", "saslHandshake", "saslAuthenticate", "other", "token"] as const

const Event = Schema.Union([
  Schema.Struct({ what: Schema.Literals(ARRIVED), afterMs: Schema.Literals([0, 1, 999, 1000, 60_000]) }),
  Schema.Struct({ version: Schema.Literals([0, 1]), mechanism: Schema.Literals([...ENABLED, "GSSAPI"]) }),
  Schema.Struct({
    outcome: Schema.Literals(["challenge", "alice", "bob", "rejected"]),
    maxReauthMs: Schema.Literals([0, 500])
  }),
  Schema.Struct({ versionsTold: Schema.Boolean })
])
type Event = typeof Event.Type

describe("the machine of a login", () => {
  for (const [name, state, expected] of TABLE) {
    for (const what of ARRIVED) {
      it(`${name}: ${what} is ${expected[what]}`, () => {
        const [next, verdict] = arrive(state, what, NOW.nowMs)
        assert.strictEqual(verdict._tag, expected[what])
        assert.strictEqual(
          next.stage,
          verdict._tag === "Close" || verdict._tag === "OutOfTurn" ? "failed" : state.stage
        )
      })
    }
  }

  it("tells the shorter of what the credential and the setting allow (KIP-368)", () => {
    const lifetimeOf = (maxReauthMs: number, expiresMs?: number) => {
      const [state, told] = done(maxReauthMs, expiresMs)
      return [told._tag === "Step" ? told.sessionLifetimeMs : -1, state.sessionEndsMs]
    }
    assert.deepStrictEqual(lifetimeOf(0), [0, Infinity])
    assert.deepStrictEqual(lifetimeOf(300), [300, 5300])
    assert.deepStrictEqual(lifetimeOf(300, 1_000_200), [200, 5200])
    assert.deepStrictEqual(lifetimeOf(300, 1_000_900), [300, 5300])
    assert.deepStrictEqual(lifetimeOf(0, 1_000_900), [900, 5900])
    assert.deepStrictEqual(lifetimeOf(-1, 999_999), [0, 5000])
  })

  it("begins anew with a SaslHandshake, at most once a second, and closes when the session is over", () => {
    const [first] = done(10_000)
    const [renewing, verdict] = arrive(first, "saslHandshake", 6000)
    assert.deepStrictEqual([renewing.stage, verdict._tag], ["handshake", "Serve"])
    const [again] = evaluated(agreed(1, renewing), accepted(ALICE), { ...NOW, nowMs: 6100, maxReauthMs: 10_000 })
    assert.deepStrictEqual([again.stage, again.sessionEndsMs], ["complete", 16_100])
    assert.strictEqual(arrive(again, "saslHandshake", 6999)[0].stage, "complete")
    assert.strictEqual(arrive(again, "saslHandshake", 7000)[0].stage, "handshake")
    assert.strictEqual(arrive(again, "other", 16_100)[1]._tag, "Serve")
    assert.strictEqual(arrive(again, "other", 16_101)[1]._tag, "Close")
    assert.strictEqual(arrive(again, "saslHandshake", 16_101)[1]._tag, "Serve")
  })

  it("keeps who it is, and by what mechanism", () => {
    const [renewing] = arrive(done(10_000)[0], "saslHandshake", 9000)
    const [bob, told] = evaluated(agreed(1, renewing), accepted(identityOf("User:bob")), NOW)
    assert.strictEqual(bob.stage, "failed")
    assert.deepInclude(told, {
      message: "Cannot change principals during re-authentication from User.alice: User.bob"
    })
    const [other] = shakeHands(renewing, 1, "SCRAM-SHA-256", ENABLED)
    assert.strictEqual(arrive(other, "saslAuthenticate", 9000)[1]._tag, "Close")
    const [, wrong] = evaluated(agreed(1, renewing), rejected("x"), NOW)
    assert.deepInclude(wrong, {
      message: "Authentication failed during re-authentication due to invalid credentials with SASL mechanism PLAIN"
    })
  })

  it.prop("serves other requests to nobody but whom a mechanism has let in", [Schema.Array(Event)], ([events]) => {
    let state = BEGINNING
    let nowMs = 0
    let wasLetIn = false
    let before: Stage = state.stage
    for (const event of events) {
      if ("what" in event) {
        nowMs += event.afterMs
        const [next, verdict] = arrive(state, event.what, nowMs)
        if (verdict._tag === "Serve" && event.what === "other") {
          assert.isTrue(wasLetIn)
          assert.strictEqual(state.stage, "complete")
          assert.isTrue(nowMs <= state.sessionEndsMs)
        }
        if (before === "failed") assert.strictEqual(verdict._tag, "Close")
        state = next
      } else if ("mechanism" in event) {
        // The handler runs only if it was served, and then the login is under way.
        if (state.stage !== "initial" && state.stage !== "handshake") continue
        state = shakeHands(state, event.version, event.mechanism, ENABLED)[0]
      } else if ("outcome" in event) {
        if (state.stage !== "authenticate") continue
        const isSame = state.done === undefined || state.done.identity.principal === `User:${event.outcome}`
        const outcome =
          event.outcome === "challenge"
            ? challenge("x")
            : event.outcome === "rejected"
              ? rejected("x")
              : accepted(identityOf(`User:${event.outcome}`))
        state = evaluated(state, outcome, { nowMs, wallMs: 0, maxReauthMs: event.maxReauthMs })[0]
        if (outcome._tag === "Accepted" && isSame) wasLetIn = true
        assert.strictEqual(state.stage === "complete", outcome._tag === "Accepted" && isSame)
      } else state = versionsTold(state)
      before = state.stage
    }
  })
})
