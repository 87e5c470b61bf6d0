import { assert, describe, it } from "@effect/vitest"
import { canonicalHost } from "../../../src/security/acl/canonicalHost.ts"

describe("a host of an ACL", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["*", "*"],
    ["", ""],
    ["localhost", "localhost"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"],
    ["2001:DB8::00ff:0", "2001:db8:0:0:0:0:ff:0"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"],
    ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1%eth0"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:a01:203", "10.1.2.3"],
    ["1:2", "1:2"],
    ["1::2::3", "1::2::3"],
    ["1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"],
    ["::g", "::g"],
    [":", ":"],
    ["12345::", "12345::"]
  ])("%s is compared as %s", (host, expected) => {
    assert.strictEqual(canonicalHost(host), expected)
  })
})
