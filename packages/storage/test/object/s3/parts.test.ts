import { assert, describe, it } from "@effect/vitest"
import { failureOf } from "../../../src/object/s3/answers.ts"
import { pageOf } from "../../../src/object/s3/listing.ts"
import { elements, textOf } from "../../../src/object/s3/Xml.ts"

describe("XML of S3", () => {
  it("has elements, texts and entities", () => {
    const xml = "<A><B>1 &amp; &lt;2&gt; &#38;&#x26; &nope; &#x110000;</B><B>3</B><C/></A>"
    assert.deepStrictEqual(elements(xml, "B").length, 2)
    assert.strictEqual(textOf(xml, "B"), "1 & <2> && &nope; &#x110000;")
    assert.strictEqual(textOf(xml, "C"), undefined)
    assert.strictEqual(textOf("<A>1", "A"), undefined)
  })

  it("is read once, however it is made", () => {
    assert.deepStrictEqual(elements("<A>".repeat(1_000_000), "A"), [])
    assert.strictEqual(elements("<A></A>".repeat(100_000), "A").length, 100_000)
  })
})

const contents = (key: string, size: string | number) => `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`
const result = (inner: string) => `<ListBucketResult xmlns="http://x">${inner}</ListBucketResult>`

describe("a page of a list", () => {
  it("has names as they are, however they are written", () => {
    const plain = pageOf(result(`<IsTruncated>true</IsTruncated>${contents("a&amp;b", 1)}`))
    assert.deepStrictEqual(plain, { objects: [{ name: "a&b", bytes: 1 }], isLast: false })
    const encoded = result(
      `<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${contents("a%2Fb+c%2B", 7)}`
    )
    assert.deepStrictEqual(pageOf(encoded), { objects: [{ name: "a/b c+", bytes: 7 }], isLast: true })
  })

  const broken: ReadonlyArray<readonly [string, string]> = [
    ["another element", "<html><IsTruncated>false</IsTruncated></html>"],
    ["no end", result(contents("a", 1))],
    ["a size that is none", result(`<IsTruncated>false</IsTruncated>${contents("a", "-1")}`)],
    ["no key", result("<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>")],
    ["a broken escape", result(`<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${contents("%zz", 1)}`)]
  ]
  for (const [what, xml] of broken) it(`is none with ${what}`, () => assert.isUndefined(pageOf(xml)))
})

describe("an answer that is no success", () => {
  const answered = (status: number, code: string, more = "") =>
    failureOf("it fails", {
      status,
      headers: {},
      body: Buffer.from(`<Error><Code>${code}</Code><Message>Its words</Message>${more}</Error>`)
    })

  const passing: ReadonlyArray<readonly [number, string]> = [
    [500, "InternalError"],
    [502, ""],
    [503, "SlowDown"],
    [429, "TooManyRequests"],
    [409, "ConditionalRequestConflict"],
    [409, "OperationAborted"],
    [408, ""],
    [307, "TemporaryRedirect"],
    [400, "RequestTimeout"],
    [400, "ExpiredToken"],
    [400, "BadDigest"],
    [403, "RequestTimeTooSkewed"]
  ]
  for (const [status, code] of passing) {
    it(`may pass: ${status} ${code}`, () => {
      const error = answered(status, code)
      assert.isTrue(error._tag === "ObjectStoreUnavailable" && error.sent)
    })
  }

  const lasting: ReadonlyArray<readonly [number, string]> = [
    [301, "PermanentRedirect"],
    [400, "InvalidArgument"],
    [401, ""],
    [403, "AccessDenied"],
    [403, "SignatureDoesNotMatch"],
    [404, "NoSuchBucket"],
    [404, ""],
    [501, "NotImplemented"]
  ]
  for (const [status, code] of lasting) {
    it(`does not pass: ${status} ${code}`, () => assert.strictEqual(answered(status, code)._tag, "ObjectStoreRefused"))
  }

  it("says what to do about it", () => {
    assert.include(answered(403, "SignatureDoesNotMatch").message, "the secret access key is not the one of this id")
    assert.include(answered(301, "PermanentRedirect", "<Region>eu-west-3</Region>").message, "of region eu-west-3")
    assert.include(
      answered(400, "InvalidArgument").message,
      "it fails: the object store answers 400 InvalidArgument, Its words"
    )
  })

  it("may be anything, of which a little is shown", () => {
    const error = failureOf("it fails", {
      status: 404,
      headers: {},
      body: Buffer.from(`<Code>${"x\n".repeat(9000)}</Code>`)
    })
    assert.isBelow(error.message.length, 300)
    assert.notInclude(error.message, "\n")
  })
})
