import { assert, describe, it } from "@effect/vitest"
import { ClientConfigError } from "../src/security/ClientConfigError.ts"
import { parseProperties } from "../src/security/Properties.ts"

describe("properties", () => {
  it("comments, both separators, continued lines, empty values", () => {
    const text = "# a comment\r\n! another\n\n a = 1\nb: 2\nc 3\nd=x,\\\n   y\ne=\nf=a=b\ng=A\\://h\\:1\\u0041\\\\\n"
    assert.deepStrictEqual(parseProperties(text, "f"), [
      { name: "a", value: "1", origin: "f:4" },
      { name: "b", value: "2", origin: "f:5" },
      { name: "c", value: "3", origin: "f:6" },
      { name: "d", value: "x,y", origin: "f:7" },
      { name: "e", value: "", origin: "f:9" },
      { name: "f", value: "a=b", origin: "f:10" },
      { name: "g", value: "A://h:1A\\", origin: "f:11" }
    ])
  })

  it("a line without a value is told with its place", () => {
    const refused = parseProperties("a=1\nnonsense\n", "f")
    assert.instanceOf(refused, ClientConfigError)
    assert.match((refused as ClientConfigError).message, /^f:2: not a setting \(NAME=VALUE\)$/)
  })
})
