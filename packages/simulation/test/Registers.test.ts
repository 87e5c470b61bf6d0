import { describe, expect, it } from "@effect/vitest"
import { Registers } from "../src/Registers.ts"

const begin = () => {
  const wrong: Array<string> = []
  const registers = new Registers((text) => wrong.push(text))
  /** Set at a time, and acknowledged at another one. */
  const sets = (id: string, startMs: number, endMs: number) =>
    Object.assign(registers.sets("x", id, startMs), { outcome: "ok", endMs })
  const finds = (id: string | null, startMs: number) => {
    registers.found("x", { reader: "r", id, startMs, nowMs: startMs + 1 })
    return wrong.splice(0)
  }
  return { registers, sets, finds }
}

describe("what was read of a place", () => {
  it("is what was acknowledged last, or what may be stored since", () => {
    const { finds, registers, sets } = begin()
    expect(finds(null, 0)).toEqual([])
    sets("a", 10, 11)
    sets("b", 20, 21)
    registers.sets("x", "c", 30)
    expect([finds("b", 25), finds("b", 35), finds("c", 35)]).toEqual([[], [], []])
    // It was seen: so no reader goes back behind it.
    expect(finds("b", 40).length).toBe(0)
    expect(finds("a", 40)).toEqual(["r finds a in x at 40, though b was acknowledged at 21"])
    expect(finds(null, 40)).toEqual(["r finds null in x at 40, though a was acknowledged at 11"])
    expect(finds("z", 40)).toEqual(["r finds z in x, which nobody sent"])
  })

  it("is never what was refused", () => {
    const { finds, sets } = begin()
    Object.assign(sets("a", 10, 11), { outcome: "refused" })
    expect(finds("a", 20)).toEqual(["r finds a in x, which was refused"])
  })

  it("is what was there before what a failover lost", () => {
    const { finds, registers, sets } = begin()
    sets("a", 10, 11)
    sets("b", 20, 21)
    registers.loses("x", "b", 30)
    expect([finds("b", 25), finds("a", 40)]).toEqual([[], []])
    expect(finds("b", 40)).toEqual(["r finds b in x, which was lost"])
  })
})
