import { describe, expect, it } from "@effect/vitest"
import { Proofs, SILENCE_LIMIT_MS } from "../../src/commit/Proofs.ts"

const BEGIN_MS = 100

const begin = () => {
  const time = { nowMs: BEGIN_MS }
  return { time, proofs: new Proofs(() => time.nowMs) }
}

describe("proofs that this broker is the writer", () => {
  it("hold for as long as the limit, from when they were asked for", () => {
    const { proofs, time } = begin()
    time.nowMs = BEGIN_MS + SILENCE_LIMIT_MS - 1
    expect(proofs.isFresh).toBe(true)
    time.nowMs++
    expect(proofs.isFresh).toBe(false)
    expect(proofs.add(BEGIN_MS + 10)).toBe(true)
    expect(proofs.isFresh).toBe(true)
    time.nowMs += 10
    expect(proofs.isFresh).toBe(false)
  })

  it("count only if they are newer than the last one", () => {
    const { proofs } = begin()
    expect([proofs.add(BEGIN_MS), proofs.add(BEGIN_MS + 5), proofs.add(BEGIN_MS + 4)]).toEqual([false, true, false])
    expect(proofs.askedAtMs).toBe(BEGIN_MS + 5)
  })

  it("count the time without one once, however old the next one is", () => {
    const { proofs, time } = begin()
    time.nowMs = BEGIN_MS + SILENCE_LIMIT_MS
    expect(proofs.unservedMs()).toBe(0)
    time.nowMs += 300
    expect(proofs.unservedMs()).toBe(300)
    // Too old already when it comes.
    proofs.add(BEGIN_MS + 100)
    expect(proofs.unservedMs()).toBe(300)
    time.nowMs += 50
    expect(proofs.unservedMs()).toBe(350)
    proofs.add(time.nowMs)
    time.nowMs += SILENCE_LIMIT_MS
    expect(proofs.unservedMs()).toBe(350)
    time.nowMs += 1
    expect(proofs.unservedMs()).toBe(351)
  })
})
