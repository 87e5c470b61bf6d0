import { assert, describe, it } from "@effect/vitest"
import {
  askerError,
  groupIdError,
  MEMBER_ID_MAX_BYTES,
  newMemberIdOf,
  storedBytes
} from "@tusk/coordinator/group/machine/Ids"
import * as Schema from "effect/Schema"
import { escapeText } from "../../../../storage/src/pg/PgStore/escapeText.ts"

const UUID = "AAAAAAAAAAAAAAAAAAAAAA"
/** Texts of characters of every length, those that are written as two among them. */
const Text = Schema.Array(Schema.Literals(["a", "\0", "\x1a", "é", "€", "😀", "\ud800", "\udc00"]))

describe("ids", () => {
  it.prop("are counted as they are stored", [Text], ([parts]) => {
    const text = parts.join("")
    assert.strictEqual(storedBytes(text), Buffer.byteLength(escapeText(text)))
  })

  it.prop("that are given to new members may be used, whatever the client calls itself", [Text], ([parts]) => {
    const memberId = newMemberIdOf(parts.join("").repeat(100), UUID)
    assert.isTrue(memberId.isWellFormed() && memberId.endsWith(UUID))
    assert.isNull(askerError({ memberId }))
  })

  it("have limits, and those at them pass", () => {
    const codeOf = (error: { readonly _tag: string } | null) => error?._tag ?? "none"
    assert.deepStrictEqual(
      ["a".repeat(10), "a".repeat(11), "é".repeat(5), "é".repeat(6), "\0".repeat(5), "\0".repeat(6)].map((id) =>
        codeOf(groupIdError(id, 10))
      ),
      ["none", "InvalidGroupId", "none", "InvalidGroupId", "none", "InvalidGroupId"]
    )
    const long = "m".repeat(MEMBER_ID_MAX_BYTES)
    assert.deepStrictEqual(
      [
        { memberId: long },
        { memberId: `${long}m` },
        { groupInstanceId: "i".repeat(249) },
        { groupInstanceId: "i".repeat(250) },
        { memberId: null, groupInstanceId: null },
        {}
      ].map((asker) => codeOf(askerError(asker))),
      ["none", "InvalidRequest", "none", "InvalidRequest", "none", "none"]
    )
  })
})
