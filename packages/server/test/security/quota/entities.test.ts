import { assert, describe, it } from "@effect/vitest"
import type { StoredQuota } from "@tusk/storage/port/Security"
import { altered, rowsAfter } from "../../../src/security/quota/altered.ts"
import { described } from "../../../src/security/quota/described.ts"
import { plainAddress } from "../../../src/security/quota/Entity.ts"

const part = (entityType: string, entityName: string | null) => ({ entityType, entityName })
const set = (key: string, value: number) => ({ key, value, remove: false })
const unset = (key: string) => ({ key, value: 0, remove: true })
const USER = [part("user", "ann")]

describe("altering", () => {
  it.each([
    [[], [set("producer_byte_rate", 1)], "Invalid empty client quota entity"],
    [[part("group", "g")], [], "Unhandled client quota entity type: group"],
    [[part("user", "")], [], "Empty user not supported"],
    [[part("client-id", "<default>")], [], "The name <default> is reserved"],
    [
      [part("ip", "1.2.3.4"), part("user", "a")],
      [],
      "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"
    ],
    [[part("ip", "nowhere")], [], "nowhere is not a valid IP or resolvable host."],
    [USER, [set("connection_creation_rate", 1)], "Invalid configuration key connection_creation_rate"],
    [[part("ip", null)], [set("producer_byte_rate", 1)], "Invalid configuration key producer_byte_rate"],
    [
      [part("ip", null)],
      [set("connection_creation_rate", 2 ** 31)],
      "Proposed value for connection_creation_rate is too large for an INT."
    ],
    [USER, [set("producer_byte_rate", 1e19)], "Proposed value for producer_byte_rate is too large for a LONG."],
    [USER, [set("producer_byte_rate", 0.5)], "producer_byte_rate cannot be a fractional value."],
    [USER, [set("consumer_byte_rate", 0)], "Quota consumer_byte_rate must be greater than 0"],
    [
      [part("user", "a"), part("client-id", null)],
      [set("producer_byte_rate", 1), unset("producer_byte_rate")],
      "Ignoring duplicate entity ClientQuotaEntity(entries={client-id=null, user=a})"
    ]
  ])("%j %j is refused", (entity, ops, message) => {
    const { changes, results } = altered([{ entity, ops }])
    assert.deepStrictEqual([results[0]?.problem?.message, changes], [message, []])
  })

  it("takes fractions of a percentage, and what goes need not be there", () => {
    const { changes, results } = altered([
      { entity: USER, ops: [set("request_percentage", 0.5), unset("producer_byte_rate")] },
      { entity: [part("ip", "::1")], ops: [set("connection_creation_rate", 7)] }
    ])
    assert.isTrue(results.every(({ problem }) => problem === undefined))
    const keyOf = ({ clientId, ip, key, user }: StoredQuota) => [user, clientId, ip, key].join()
    const rows = rowsAfter(new Map(), changes, keyOf)
    assert.deepStrictEqual(Array.from(rows.keys()), ["ann,,,request_percentage", ",,::1,connection_creation_rate"])
    const gone = altered([{ entity: USER, ops: [unset("request_percentage")] }])
    assert.strictEqual(rowsAfter(rows, gone.changes, keyOf).size, 1)
  })
})

describe("describing", () => {
  const row = (user: string, clientId: string, ip = "") => ({ user, clientId, ip, key: "producer_byte_rate", value: 1 })
  const ROWS = [row("ann", ""), row("ann", "app"), row("<default>", "app"), row("", "app"), row("", "", "<default>")]
  const [EXACT, DEFAULT, ANY] = [0, 1, 2]
  const found = (strict: boolean, ...components: ReadonlyArray<readonly [string, number, string | null]>) =>
    described(ROWS, {
      strict,
      components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
    }).map(({ entity }) => entity.map(({ entityName, entityType }) => `${entityType}=${entityName}`).join())

  it("tells what a filter lets pass", () => {
    assert.strictEqual(found(false).length, 5)
    assert.deepStrictEqual(found(true), [])
    assert.deepStrictEqual(found(true, ["user", EXACT, "ann"]), ["user=ann"])
    assert.deepStrictEqual(found(false, ["user", EXACT, "ann"]), ["user=ann", "client-id=app,user=ann"])
    assert.deepStrictEqual(found(false, ["user", DEFAULT, null]), ["client-id=app,user=null"])
    assert.deepStrictEqual(found(true, ["user", ANY, null], ["client-id", EXACT, "app"]).length, 2)
    assert.deepStrictEqual(found(true, ["client-id", ANY, null]), ["client-id=app"])
    assert.deepStrictEqual(found(false, ["ip", ANY, null]), ["ip=null"])
  })
})

it.each([
  ["0:0:0:0:0:0:0:1", "::1"],
  ["::FFFF:10.0.0.1", "10.0.0.1"],
  ["10.0.0.1", "10.0.0.1"],
  ["<default>", "<default>"]
])("the address %s is %s", (written, plain) => {
  assert.strictEqual(plainAddress(written), plain)
})
