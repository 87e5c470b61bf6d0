/** Whose turn it is to begin a connection. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Turnstile } from "../../src/net/Turnstile.ts"

/** One more a tenth of a second, and one at once. */
const PER_SECOND = 10

const world = () => {
  let now = 0
  const rings: Array<readonly [atMs: number, ring: () => void]> = []
  const deadlines = { at: (atMs: number, ring: () => void) => rings.push([atMs, ring]), off: () => {} }
  const turnstile = new Turnstile(1_000_000, deadlines, () => now)
  const begun: Array<string> = []
  const seen: Array<string> = []

  /** `name`: its first letter is its host. Returns what tells that its client has gone. */
  const come = (name: string, listener = "PLAINTEXT") => {
    let isGone = (): void => {}
    const arrival = {
      clientHost: name[0]!,
      listener,
      onGone: (gone: () => void) => void (isGone = gone),
      look: () => void seen.push(name)
    }
    const turn = Effect.map(turnstile.turn(arrival, PER_SECOND), (isIts) => begun.push(isIts ? name : `-${name}`))
    const fiber = Effect.runFork(turn)
    return { gone: () => isGone(), interrupt: () => fiber.interruptUnsafe() }
  }
  /** Lets so many have their turn. */
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) {
      now += 100
      for (const [, ring] of rings.splice(0).filter(([atMs]) => atMs <= now + 1e-6)) ring()
      await new Promise(setImmediate)
    }
  }
  return { begun, come, seen, turns, turnstile }
}

describe("a turn", () => {
  it("is had at once if there is one, and else in order of arrival", async () => {
    const { begun, come, turns } = world()
    for (const name of ["a1", "a2", "a3", "a4"]) come(name)
    assert.deepStrictEqual(begun, ["a1"])
    await turns(2)
    assert.deepStrictEqual(begun, ["a1", "a2", "a3"])
  })

  it("is a host's after another's, however many one has", async () => {
    const { begun, come, turns } = world()
    for (let i = 0; i < 2000; i++) come(`a${i}`)
    for (const name of ["b1", "b2", "c1"]) come(name)
    await turns(40)
    const [first, second, third] = ["b1", "c1", "b2"].map((name) => begun.indexOf(name))
    assert.isBelow(first!, 6)
    assert.isBelow(second!, 8)
    assert.isBelow(third!, 12)
    assert.deepStrictEqual(
      begun.filter((name) => name.startsWith("a")),
      Array.from({ length: 38 }, (_, i) => `a${i}`)
    )
  })

  it("goes round among as many hosts as there are", async () => {
    const { begun, come, turns } = world()
    const hosts = Array.from({ length: 100 }, (_, i) => String.fromCharCode(0x4e00 + i))
    for (const host of hosts) for (const each of [1, 2, 3]) come(`${host}${each}`)
    // Those that came when few waited are near already.
    await turns(hosts.length + 32)
    assert.strictEqual(new Set(begun.map((name) => name[0])).size, 100)
    await turns(2 * hosts.length)
    assert.lengthOf(begun, 300)
  })

  it("of a client that has gone is the next one's", async () => {
    const { begun, come, seen, turns, turnstile } = world()
    const all = Array.from({ length: 100 }, (_, i) => come(`a${i}`))
    // Those whose turn is soon are looked at, and no others.
    assert.deepStrictEqual(
      seen,
      Array.from({ length: 32 }, (_, i) => `a${i + 1}`)
    )
    for (let i = 1; i < 90; i++) all[i]!.gone()
    assert.strictEqual(seen.length, 99)
    assert.strictEqual(turnstile.waiting, 10)
    await turns(1)
    assert.deepStrictEqual(
      begun.filter((name) => !name.startsWith("-")),
      ["a0", "a90"]
    )
    all[91]!.interrupt()
    await turns(1)
    assert.strictEqual(begun.at(-1), "a92")
  })

  it("on one listener does not wait for another's", async () => {
    const { begun, come } = world()
    for (let i = 0; i < 50; i++) come(`a${i}`, "SSL")
    come("a50", "SASL")
    assert.deepStrictEqual(begun, ["a0", "a50"])
  })

  it("is nobody's any more once it is closed", async () => {
    const { begun, come, turns, turnstile } = world()
    for (let i = 0; i < 50; i++) come(`a${i}`)
    turnstile.close()
    come("b1")
    await turns(3)
    assert.strictEqual(turnstile.waiting, 0)
    assert.strictEqual(begun.filter((name) => name.startsWith("-")).length, 50)
  })
})
