import { assert, describe, it } from "@effect/vitest"
import { collectorDefaults } from "../../../src/defaults.ts"
import { OwnAges, WallTimes } from "../../../src/log/objects/Ages.ts"
import { objectName, parseObjectName } from "../../../src/log/objects/ObjectNames.ts"

const DAY_MS = 86_400_000
const SETTLED_MS = collectorDefaults.settledMs
const NOW = 1_700_000_000_000

describe("the time by three clocks", () => {
  it("is that of the wall clock while they agree", () => {
    const times = new WallTimes()
    assert.deepStrictEqual(times.at(NOW, 0, undefined), { earliest: NOW, latest: NOW, differ: false })
    const later = times.at(NOW + 60_000, 60_001, NOW + 60_002)
    assert.deepStrictEqual(later, { earliest: NOW + 60_000, latest: NOW + 60_002, differ: false })
  })

  it("makes nothing older by a leap ahead, until the new time has lasted for a day", () => {
    const times = new WallTimes()
    times.at(NOW, 0, undefined)
    const leapt = times.at(NOW + 8 * DAY_MS, 1000, NOW + 8 * DAY_MS)
    assert.deepStrictEqual(leapt, { earliest: NOW + 1000, latest: NOW + 8 * DAY_MS, differ: true })
    assert.isTrue(times.at(NOW + 9 * DAY_MS - 1000, DAY_MS - 1000, undefined).differ)
    const believed = times.at(NOW + 9 * DAY_MS + 1000, DAY_MS + 1000, undefined)
    assert.deepStrictEqual(believed, {
      earliest: NOW + 9 * DAY_MS + 1000,
      latest: NOW + 9 * DAY_MS + 1000,
      differ: false
    })
  })

  it("is the old one again if the leap is taken back", () => {
    const times = new WallTimes()
    times.at(NOW, 0, undefined)
    times.at(NOW + 8 * DAY_MS, 1000, undefined)
    times.at(NOW + 2000, 2000, undefined)
    assert.isTrue(times.at(NOW + 9 * DAY_MS, DAY_MS + 500, undefined).differ)
  })

  it("is the earlier one after a leap back, and if the server is behind", () => {
    const times = new WallTimes()
    times.at(NOW, 0, undefined)
    assert.strictEqual(times.at(NOW - DAY_MS, 1000, undefined).earliest, NOW - DAY_MS)
    const server = new WallTimes().at(NOW, 0, NOW - 2 * DAY_MS)
    assert.deepStrictEqual(server, { earliest: NOW - 2 * DAY_MS, latest: NOW, differ: true })
  })
})

describe("the age of this process' own objects", () => {
  it("is told by their numbers: what was reached long ago was put long ago", () => {
    const ages = new OwnAges(SETTLED_MS)
    assert.isFalse(ages.isSettled(1, 0))
    ages.note(5, 0)
    ages.note(9, 10 * 60_000)
    assert.isFalse(ages.isSettled(5, SETTLED_MS - 1))
    assert.isTrue(ages.isSettled(5, SETTLED_MS))
    assert.isTrue(ages.isSettled(3, SETTLED_MS))
    assert.isFalse(ages.isSettled(6, SETTLED_MS))
    assert.isTrue(ages.isSettled(9, SETTLED_MS + 10 * 60_000))
  })

  it("is kept in little room", () => {
    const ages = new OwnAges(SETTLED_MS)
    for (let i = 0; i < 100_000; i++) ages.note(i, i * 1000)
    assert.isTrue(ages.isSettled(90_000, 100_000_000))
    assert.isFalse(ages.isSettled(99_900, 100_000_000))
  })
})

describe("a name of an object", () => {
  it("says who put it and when", () => {
    const parsed = { incarnation: "abcdefgh", timeMs: NOW, number: 17 }
    const name = objectName("AAAAAAAAAAAAAAAAAAAAAQ", parsed)
    assert.match(name, /^AAAAAAAAAAAAAAAAAAAAAQ\/abcdefgh\/[0-9a-z]{9}-17$/)
    assert.deepStrictEqual(parseObjectName("AAAAAAAAAAAAAAAAAAAAAQ", name), parsed)
    assert.strictEqual(parseObjectName("other", name), undefined)
    assert.strictEqual(parseObjectName("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQ/owner"), undefined)
    assert.strictEqual(parseObjectName("AAAAAAAAAAAAAAAAAAAAAQ", `${name}.tmp`), undefined)
  })
})
