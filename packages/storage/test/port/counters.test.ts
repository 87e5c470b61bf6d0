import { assert, describe, it } from "@effect/vitest"
import { nextCounters, NOTHING_TOLD, UNKNOWN } from "../../src/port/counters.ts"
import type { StoredCounters } from "../../src/port/counters.ts"
import type { ServerIdentity } from "../../src/port/CommitStore.ts"

const server = (systemIdentifier: string, timeline: string, place = UNKNOWN): ServerIdentity => ({
  systemIdentifier,
  timeline,
  place
})
const stored = (noted: ServerIdentity | null): StoredCounters => ({
  epoch: 7,
  failoverEpoch: 3,
  nextProducerId: 2000n,
  nextPartitionId: 12,
  server: noted
})

describe("nextCounters", () => {
  it("the same server: the next epoch, all else as it was", () => {
    const here = server("1", "00000001")
    assert.deepStrictEqual(nextCounters(stored(here), here, NOTHING_TOLD), {
      ...stored(here),
      epoch: 8,
      server: here,
      failover: undefined
    })
  })

  it("no take-over noted a server yet: no failover", () => {
    const here = server("1", "00000001")
    const counters = nextCounters(stored(null), here, NOTHING_TOLD)
    assert.deepStrictEqual([counters.failover, counters.epoch, counters.server], [undefined, 8, here])
  })

  for (const to of [server("1", "00000002", "5x7"), server("2", "00000001", "5x7"), server("1", "00000001", "5x8")]) {
    it(`from 1/00000001/5x7 to ${Object.values(to).join("/")}: everything leaps`, () => {
      const from = server("1", "00000001", "5x7")
      assert.deepStrictEqual(nextCounters(stored(from), to, NOTHING_TOLD), {
        epoch: 1008,
        failoverEpoch: 1008,
        nextProducerId: 1_002_000n,
        nextPartitionId: 1_000_012,
        server: to,
        failover: { from, to }
      })
    })
  }

  it("what was told is never given again, whichever is higher", () => {
    const to = server("1", "00000002")
    const told = { epoch: 90, nextProducerId: 5_000_000n, nextPartitionId: 13 }
    const leapt = nextCounters(stored(server("1", "00000001")), to, told)
    assert.deepStrictEqual([leapt.epoch, leapt.nextProducerId, leapt.nextPartitionId], [1091, 5_000_000n, 1_000_012])
    const stayed = nextCounters(stored(to), to, told)
    assert.deepStrictEqual([stayed.epoch, stayed.nextProducerId, stayed.nextPartitionId], [91, 5_000_000n, 13])
  })

  it("nothing is concluded from what a server does not say, and what it once said stays noted", () => {
    const known = server("1", "00000001")
    const silent = nextCounters(stored(known), server(UNKNOWN, UNKNOWN), NOTHING_TOLD)
    assert.deepStrictEqual([silent.failover, silent.server], [undefined, known])
    const halfSilent = nextCounters(stored(known), server(UNKNOWN, "00000002"), NOTHING_TOLD)
    assert.deepStrictEqual(halfSilent.server, server("1", "00000002"))
    assert.isDefined(halfSilent.failover)
    assert.isUndefined(nextCounters(stored(server(UNKNOWN, UNKNOWN)), known, NOTHING_TOLD).failover)
  })
})
