import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../port/counters.ts"
import type { StoredAcl, StoredDelegationToken, StoredQuota, StoredScramCredential } from "../port/Security.ts"
import { Write } from "../port/Write.ts"
import type { Unit } from "../port/Write.ts"
import { byText } from "./storeScenarios.ts"
import type { StoreBackend } from "./storeScenarios.ts"

const acl = (principal: string, operation = "READ"): StoredAcl => ({
  resourceType: "TOPIC",
  resourceName: "orders",
  patternType: "PREFIXED",
  principal,
  host: "*",
  operation,
  permissionType: "ALLOW"
})
const credential = (user: string, iterations: number, mechanism = "SCRAM-SHA-256"): StoredScramCredential => ({
  user,
  mechanism,
  iterations,
  salt: Buffer.from([0, 1, iterations % 256]),
  storedKey: Buffer.from([2]),
  serverKey: Buffer.from([255, 0])
})
const quota = (user: string, value: number, key = "producer_byte_rate"): StoredQuota => ({
  user,
  clientId: "<default>",
  ip: "",
  key,
  value
})
const token = (tokenId: string, expiryTimestamp: bigint): StoredDelegationToken => ({
  tokenId,
  hmacHash: Buffer.from([9, 8]),
  owner: "User:a",
  requester: "User:b",
  renewers: ["User:c", 'User:"d", \0'],
  issueTimestamp: 1n,
  maxTimestamp: 2n ** 60n,
  expiryTimestamp
})

type Commits = ReadonlyArray<ReadonlyArray<Unit>>

/** What the next broker is told after some commits. */
const stateAfter =
  (backend: StoreBackend) =>
  (...commits: Commits) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        yield* Effect.scoped(
          Effect.andThen(
            store.acquire(NOTHING_TOLD),
            Effect.forEach(commits, (units) => store.commit(units))
          )
        )
        return yield* Effect.scoped(store.acquire(NOTHING_TOLD))
      })
    )

type After = ReturnType<typeof stateAfter>

/** Rows are told as they were put last. */
const rowCases = (after: After): void => {
  it.live("all of a row comes back as it was put", () =>
    Effect.gen(function* () {
      const row = {
        ...acl("User:\0 ä"),
        resourceName: "*",
        patternType: "LITERAL",
        permissionType: "DENY",
        host: "::1"
      }
      const state = yield* after([
        [Write.PutAcl(row), Write.PutAcl(acl("Group:clerks", "TWO_PHASE_COMMIT"))],
        [Write.PutScramCredential(credential("\0", 4096)), Write.PutQuota(quota("ü", 0.1))],
        [Write.PutDelegationToken(token("t", 2n ** 53n + 1n))]
      ])
      expect(state.acls.toSorted((a, b) => byText(a.principal, b.principal))).toEqual([
        acl("Group:clerks", "TWO_PHASE_COMMIT"),
        row
      ])
      expect(state.scramCredentials).toEqual([credential("\0", 4096)])
      expect(state.quotas).toEqual([quota("ü", 0.1)])
      expect(state.delegationTokens).toEqual([token("t", 2n ** 53n + 1n)])
    })
  )

  it.live("a row that is put twice is there once, as put last; what is not there is deleted, too", () =>
    Effect.gen(function* () {
      const state = yield* after(
        [[Write.PutAcl(acl("User:a")), Write.PutScramCredential(credential("a", 5000)), Write.PutQuota(quota("a", 1))]],
        [
          [Write.PutAcl(acl("User:a")), Write.PutAcl(acl("User:b"))],
          [Write.PutAcl(acl("User:b")), Write.DeleteAcl(acl("User:z")), Write.DeleteAcl(acl("User:z"))],
          [Write.PutScramCredential(credential("a", 6000)), Write.PutScramCredential(credential("a", 7000))],
          [Write.DeleteScramCredential({ user: "z", mechanism: "SCRAM-SHA-256" })],
          [Write.PutQuota(quota("a", 2)), Write.PutQuota(quota("a", 3)), Write.DeleteQuota(quota("z", 0))],
          [Write.PutDelegationToken(token("t", 1n)), Write.PutDelegationToken(token("t", 2n))],
          [Write.DeleteDelegationToken({ tokenId: "z" }), Write.DeleteDelegationToken({ tokenId: "z" })]
        ]
      )
      expect(state.acls.map(({ principal }) => principal).sort(byText)).toEqual(["User:a", "User:b"])
      expect(state.scramCredentials).toEqual([credential("a", 7000)])
      expect(state.quotas).toEqual([quota("a", 3)])
      expect(state.delegationTokens).toEqual([token("t", 2n)])
    })
  )
}

/** Rows of one commit, and of one table. */
const orderCases = (after: After): void => {
  it.live("what is put and deleted in one commit follows the order of the writes", () =>
    Effect.gen(function* () {
      const { mechanism } = credential("a", 1)
      const state = yield* after(
        [[Write.PutAcl(acl("User:a")), Write.PutQuota(quota("a", 1)), Write.PutDelegationToken(token("a", 1n))]],
        [
          [Write.DeleteAcl(acl("User:a")), Write.PutAcl(acl("User:a"))],
          [Write.PutAcl(acl("User:b")), Write.DeleteAcl(acl("User:b"))],
          [Write.DeleteQuota(quota("a", 0)), Write.PutQuota(quota("a", 9)), Write.PutQuota(quota("b", 1))],
          [Write.DeleteQuota(quota("b", 0))],
          [Write.PutScramCredential(credential("a", 1)), Write.PutScramCredential(credential("b", 2))],
          [Write.DeleteScramCredential({ user: "a", mechanism })],
          [Write.PutScramCredential(credential("a", 3)), Write.DeleteScramCredential({ user: "b", mechanism })],
          [Write.DeleteDelegationToken({ tokenId: "a" }), Write.PutDelegationToken(token("b", 1n))]
        ]
      )
      expect(state.acls).toEqual([acl("User:a")])
      expect(state.quotas).toEqual([quota("a", 9)])
      expect(state.scramCredentials).toEqual([credential("a", 3)])
      expect(state.delegationTokens).toEqual([token("b", 1n)])
    })
  )

  it.live("a row is known by all of its key", () =>
    Effect.gen(function* () {
      const users = [credential("a", 1), credential("a", 2, "SCRAM-SHA-512"), credential("b", 3)]
      const quotas = [quota("a", 1), quota("a", 2, "consumer_byte_rate"), { ...quota("", 3), clientId: "a" }]
      const state = yield* after(
        [users.map((user) => Write.PutScramCredential(user)), quotas.map((row) => Write.PutQuota(row))],
        [
          [Write.DeleteScramCredential({ user: "a", mechanism: "SCRAM-SHA-512" })],
          [Write.DeleteQuota(quota("a", 0)), Write.DeleteQuota({ ...quota("a", 0), clientId: "a" })]
        ]
      )
      expect(state.scramCredentials.map(({ iterations }) => iterations).toSorted()).toEqual([1, 3])
      expect(state.quotas.map(({ value }) => value).toSorted()).toEqual([2, 3])
    })
  )
}

/** Who may do what, who gets in, and how much: told at a take-over. */
export const securityCases = (backend: StoreBackend): void => {
  describe("security", () => {
    const after = stateAfter(backend)
    rowCases(after)
    orderCases(after)
  })
}
