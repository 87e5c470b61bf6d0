import { describe, expect, it } from "vitest"
import { compare, tighten } from "./Ratchet.ts"
import type { Found } from "./Ratchet.ts"
import { readHouse } from "./Sources.ts"
import type { House } from "./Sources.ts"
import { backArrows, brokenTables } from "./rules/arrows.ts"
import { circles } from "./rules/circles.ts"
import { citedAndMissing } from "./rules/cited.ts"
import { comparedSecrets } from "./rules/comparedSecrets.ts"
import { deadExports } from "./rules/deadExports.ts"
import { headless } from "./rules/headless.ts"
import { undescribed } from "./rules/undescribed.ts"
import { longFunctions, MOST_LINES } from "./rules/longFunctions.ts"

const house = readHouse()

/** Names are those of `ratchet.json`. */
const rules: Record<string, { readonly of: (house: House) => Found; readonly says: string }> = {
  "long functions": { of: longFunctions, says: `functions of more than ${MOST_LINES} lines, with their lengths` },
  "dead exports": { of: deadExports, says: "exports that nobody imports" },
  headless: { of: headless, says: "files that do not say what they are for" },
  "cited and missing": { of: citedAndMissing, says: "files that a comment or a page names, and that are not there" },
  circles: { of: circles, says: "imports, of types too, that lead back to where they come from" },
  "compared secrets": { of: comparedSecrets, says: "secrets that are not compared in constant time" },
  undescribed: { of: undescribed, says: "folders without a row in docs/architecture.md, and rows without a folder" },
  "back arrows": { of: backArrows, says: "imports that the tables of house/rules/arrows.ts do not allow" }
}

describe("the house is tidy", () => {
  for (const [rule, { of, says }] of Object.entries(rules)) {
    it(`${rule}: no more than ratchet.json keeps`, () => {
      const found = of(house)
      if (process.env["TIGHTEN"] === "1") tighten(rule, found)
      const { better, worse } = compare(rule, found)
      expect(worse, says).toEqual([])
      expect(better, "better by now: strike them out of house/ratchet.json (TIGHTEN=1 npm run tidy)").toEqual([])
    })
  }

  it("tables of arrows have no circle and no empty entry", () => {
    expect(brokenTables(house)).toEqual([])
  })
})
