import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { locationName, s3Location } from "../../../src/object/s3/S3Location.ts"

const read = (url: string) =>
  Effect.runSync(
    Effect.match(s3Location(url), {
      onFailure: ({ message }) => message,
      onSuccess: (location) => ({ ...location, origin: location.origin.href, name: locationName(location) })
    })
  )

describe("the URL of an S3 store", () => {
  it("names bucket, prefix, endpoint and region", () => {
    assert.deepStrictEqual(read("s3://tusk/a/b?endpoint=http://localhost:9000&region=eu-west-1"), {
      bucket: "tusk",
      prefix: "a/b/",
      region: "eu-west-1",
      origin: "http://localhost:9000/",
      isPathStyle: true,
      name: "s3://tusk/a/b"
    })
    assert.deepStrictEqual(read("s3://tusk?region=eu-west-1"), {
      bucket: "tusk",
      prefix: "",
      region: "eu-west-1",
      origin: "https://tusk.s3.eu-west-1.amazonaws.com/",
      isPathStyle: false,
      name: "s3://tusk"
    })
  })

  const origins: ReadonlyArray<readonly [string, string]> = [
    ["s3://a.b.c/?region=eu-west-1", "https://s3.eu-west-1.amazonaws.com/"],
    ["s3://tusk/?region=cn-north-1", "https://tusk.s3.cn-north-1.amazonaws.com.cn/"],
    ["s3://tusk/x?region=eu-west-1&path-style=true", "https://s3.eu-west-1.amazonaws.com/"],
    ["s3://tusk/x/?endpoint=https%3A%2F%2Fminio&path-style=false", "https://tusk.minio/"],
    ["s3://tusk?endpoint=http://[::1]:9000", "http://[::1]:9000/"]
  ]
  for (const [url, origin] of origins) {
    it(`asks ${origin} for ${url}`, () => {
      const found = read(url)
      assert.isTrue(typeof found === "object" && found.origin === origin, JSON.stringify(found))
    })
  }

  const refused: ReadonlyArray<readonly [string, RegExp]> = [
    ["s3:/tusk", /of the form s3:\/\//],
    ["https://tusk", /of the form s3:\/\//],
    ["s3://", /names no bucket/],
    ["s3:///prefix", /names no bucket/],
    ["s3://key:secret@tusk", /before an @: keys are given by tusk\.object\.s3\.access\.key\.id/],
    ["s3://tusk:9000/?region=a", /port after the bucket/],
    ["s3://Tusk?region=a", /names a bucket that cannot be, Tusk/],
    ["s3://ab?region=a", /names a bucket that cannot be/],
    ["s3://a..b?region=a", /names a bucket that cannot be/],
    ["s3://tusk", /neither region= nor endpoint=/],
    ["s3://tusk?region=", /region that cannot be/],
    ["s3://tusk?region=a/b", /region that cannot be/],
    ["s3://tusk/a//b?region=a", /prefix that cannot be, a\/\/b/],
    ["s3://tusk/../b?region=a", /prefix that cannot be/],
    ["s3://tusk/a%20b?region=a", /prefix that cannot be/],
    [`s3://tusk/${"x".repeat(501)}?region=a`, /more than 500/],
    ["s3://tusk?regoin=a", /parameter regoin, which there is not: region was meant\?/],
    ["s3://tusk?x=1", /parameter x, which there is not: it is of the form/],
    ["s3://tusk?region=a&region=b", /has region twice/],
    ["s3://tusk?endpoint=localhost", /no URL/],
    ["s3://tusk?endpoint=ftp://localhost", /neither https:\/\/ nor http:\/\//],
    ["s3://tusk?endpoint=http://a:secret@localhost", /before an @/],
    ["s3://tusk?endpoint=http://localhost/a", /more than host and port/],
    ["s3://tusk?endpoint=http://localhost&path-style=yes", /neither true nor false/],
    ["s3://tusk?region=a#b", /has a #/]
  ]
  for (const [url, message] of refused) {
    it(`refuses ${url.slice(0, 60)}`, () => {
      const found = read(url)
      assert.isTrue(typeof found === "string" && message.test(found), JSON.stringify(found))
      assert.notInclude(JSON.stringify(found), "secret@")
    })
  }
})
