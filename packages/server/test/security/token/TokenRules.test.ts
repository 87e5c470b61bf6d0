import { assert, describe, it } from "@effect/vitest"
import type { StoredDelegationToken } from "@tusk/storage/port/Security"
import * as Redacted from "effect/Redacted"
import { hashOf, passwordOf, rowOf, tokenKey } from "../../../src/security/token/TokenKey.ts"
import { ended, hasExpired, isOf, made, problemOf, renewed } from "../../../src/security/token/TokenRules.ts"

const LIMITS = { maxLifetimeMs: 1000n, expiryTimeMs: 100n, namesMaxBytes: 40 }
const WISH = { owner: "User:alice", requester: "User:boss", renewers: ["User:bob"], maxLifetimeMs: -1n }
const NOW = 5000n
const ID = { tokenId: "id", hmacHash: new Uint8Array([1]) }
const END = 2n ** 63n - 1n

const token = made(WISH, ID, LIMITS, NOW)
const by = (principal: string, periodMs: bigint, nowMs = NOW + 10n) => ({ principal, periodMs, nowMs })
const tagOf = (outcome: ReturnType<typeof ended>) => (outcome !== undefined && "_tag" in outcome ? outcome._tag : "")
const endOf = (outcome: StoredDelegationToken | object | undefined) =>
  outcome !== undefined && "expiryTimestamp" in outcome ? outcome.expiryTimestamp - NOW : undefined

describe("a token that is made", () => {
  it("lives as long as it may, or shorter if that is asked for", () => {
    const times = (maxLifetimeMs: bigint, limits = LIMITS) => {
      const { expiryTimestamp, issueTimestamp, maxTimestamp } = made({ ...WISH, maxLifetimeMs }, ID, limits, NOW)
      assert.strictEqual(issueTimestamp, NOW)
      return [maxTimestamp - NOW, expiryTimestamp - NOW]
    }
    assert.deepStrictEqual(times(-1n), [1000n, 100n])
    assert.deepStrictEqual(times(0n), [1000n, 100n])
    assert.deepStrictEqual(times(500n), [500n, 100n])
    assert.deepStrictEqual(times(50n), [50n, 50n])
    assert.deepStrictEqual(times(END), [1000n, 100n])
    const endless = { ...LIMITS, maxLifetimeMs: END, expiryTimeMs: END }
    assert.deepStrictEqual(times(END, endless), [END - NOW, END - NOW])
  })

  it("is a user's, with names of some length", () => {
    const problem = (change: Partial<typeof WISH>) => problemOf({ ...WISH, ...change }, LIMITS)?._tag
    assert.isUndefined(problem({}))
    assert.strictEqual(problem({ owner: "Group:alice" }), "InvalidPrincipalType")
    assert.strictEqual(problem({ owner: ":alice" }), "InvalidPrincipalType")
    assert.strictEqual(problem({ owner: "User:a\0" }), "InvalidRequest")
    assert.strictEqual(problem({ requester: "User:a\0" }), "InvalidRequest")
    assert.strictEqual(problem({ renewers: ["User:a\0"] }), "InvalidRequest")
    assert.isUndefined(problem({ renewers: ["User:".padEnd(21, "b")] }))
    assert.strictEqual(problem({ renewers: ["User:".padEnd(22, "b")] }), "PolicyViolation")
    assert.strictEqual(problem({ renewers: Array.from({ length: 9 }, () => "User:") }), "PolicyViolation")
  })

  it("may be told to its owner, its requester and its renewers", () => {
    const told = ["User:alice", "User:boss", "User:bob", "User:carol"].filter((one) => isOf(token, one))
    assert.deepStrictEqual(told, ["User:alice", "User:boss", "User:bob"])
  })
})

describe("a token that is renewed", () => {
  it("lives on from now, up to its maximum", () => {
    assert.strictEqual(endOf(renewed(token, by("User:alice", -1n), LIMITS)), 110n)
    assert.strictEqual(endOf(renewed(token, by("User:bob", 0n), LIMITS)), 110n)
    assert.strictEqual(endOf(renewed(token, by("User:bob", 20n), LIMITS)), 30n)
    assert.strictEqual(endOf(renewed(token, by("User:bob", END), LIMITS)), 110n)
    const late = { ...token, expiryTimestamp: NOW + 990n }
    assert.strictEqual(endOf(renewed(late, by("User:bob", -1n, NOW + 950n), LIMITS)), 1000n)
  })

  it("is there, has not expired, and is that of whoever asks, in this order", () => {
    const later = NOW + 101n
    assert.strictEqual(tagOf(renewed(undefined, by("User:alice", -1n), LIMITS)), "DelegationTokenNotFound")
    assert.strictEqual(tagOf(renewed(token, by("User:boss", -1n, later), LIMITS)), "DelegationTokenExpired")
    // Who has asked for it for another may not renew it, as in Kafka.
    assert.strictEqual(tagOf(renewed(token, by("User:boss", -1n), LIMITS)), "DelegationTokenOwnerMismatch")
    assert.isFalse(hasExpired(token, later - 1n))
    assert.isTrue(hasExpired(token, later))
    assert.isTrue(hasExpired({ ...token, expiryTimestamp: END }, NOW + 1001n))
  })
})

describe("a token that ends sooner", () => {
  it("is gone at once, or after a time", () => {
    assert.isUndefined(ended(token, by("User:bob", -1n)))
    assert.strictEqual(endOf(ended(token, by("User:bob", 0n))), 10n)
    assert.strictEqual(endOf(ended(token, by("User:alice", 30n))), 40n)
    // It can be made to live longer, too, as in Kafka.
    assert.strictEqual(endOf(ended(token, by("User:alice", END))), 1000n)
  })

  it("is there, is that of whoever asks, and has not expired, in this order", () => {
    const later = NOW + 101n
    assert.strictEqual(tagOf(ended(undefined, by("User:alice", -1n))), "DelegationTokenNotFound")
    assert.strictEqual(tagOf(ended(token, by("User:boss", -1n, later))), "DelegationTokenOwnerMismatch")
    assert.strictEqual(tagOf(ended(token, by("User:bob", 1n, later))), "DelegationTokenExpired")
    assert.isUndefined(ended(token, by("User:bob", -1n, later)))
  })
})

describe("the HMAC of a token", () => {
  const key = tokenKey(Redacted.make("key"))

  it("is Kafka's", () => {
    // A token of Apache Kafka 4.3.1 with this secret key.
    const hmac = "r3WteadHE16nUQ0RMYb/ewWkPF6c2XXLjeAKbPzMZ1MHXFOkqBK3B02ea9EFuG2Ox/alh0CHUtCGmeWPTmA7tw=="
    assert.strictEqual(passwordOf({ hmac: key.hmacOf("H9_xlMwHT8W_qSula2TC8w") }), hmac)
  })

  it("finds the token, if it was made with the same key", () => {
    const hmac = key.hmacOf(token.tokenId)
    const own = { ...token, hmacHash: hashOf(hmac) }
    const known = new Uint8Array(64)
    const forged = { ...token, tokenId: "other", hmacHash: hashOf(known) }
    assert.strictEqual(rowOf(key, [forged, own], hmac), own)
    assert.deepStrictEqual(key.open(own)?.hmac, hmac)
    assert.isUndefined(rowOf(key, [forged, own], known))
    assert.isUndefined(key.open(forged))
    assert.isUndefined(rowOf(key, [forged, own], own.hmacHash))
    assert.isUndefined(rowOf(key, [forged, own], new Uint8Array(0)))
    assert.isUndefined(rowOf(tokenKey(Redacted.make("another")), [own], hmac))
  })
})
