import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { memberKey, partitionKey } from "../../src/groups/groupRows.ts"
import { TRANSACTION_FIELDS, VIEW_FIELDS } from "../../src/groups/viewContract.ts"

/** Without functions that read another JSON: what columns a table of kafka.materialise has. */
const schema = fs
  .readFileSync(new URL("../../schema.sql", import.meta.url), "utf8")
  .split(/\n(?=create )/i)
  .filter((part) => !/^create (?:or replace )?function kafka\.\w*materialise/i.test(part))
  .join("\n")

/** Names of fields, without what they lie in being told. */
const sorted = (names: Iterable<string>) => Array.from(new Set(names)).sort()

describe("what views read of the coordinator's rows", () => {
  it("is what the contract says, field by field", () => {
    const read = Array.from(schema.matchAll(/->>? '([^']+)'/g), ([, name]) => name!)
    const stated = [...VIEW_FIELDS, ...TRANSACTION_FIELDS].flatMap(({ path }) =>
      path.split(".").map((part) => part.replaceAll(/\[\]|\{\}/g, ""))
    )
    assert.deepStrictEqual(sorted(read), sorted(stated))
  })

  it("lies under the keys at which rows are stored", () => {
    const keys = Array.from(schema.matchAll(/'\^([a-z]+\/)\(/g), ([, prefix]) => prefix!)
    assert.deepStrictEqual(sorted(keys), sorted([memberKey("share", ""), partitionKey(1).slice(0, -1)]))
    assert.strictEqual(memberKey("consumer", "m"), "m")
  })
})
