/** What Kafka's own tests of `SslPrincipalMapper` say, as facts. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { principalMapping } from "../../../src/security/tls/PrincipalMapping.ts"

const named = (rules: string, name: string) => Result.getOrThrow(principalMapping(rules))(name)

describe("rules", () => {
  it.each([
    "",
    ",   , , ,      , , ,   ",
    "DEFAULT",
    "RULE://",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, DEFAULT",
    "RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L",
    "RULE:^cn=(.?),ou=(.?),dc=(.?),dc=(.?)$/$1@$2/U",
    "RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1/",
    "RULE:^CN=([^,DEFAULT,]+)(,.*|$)/$1/",
    String.raw`RULE:\/\\\(\)\n\t/\/\//`
  ])("%j are some", (rules) => {
    assert.isTrue(Result.isSuccess(principalMapping(rules)))
  })

  it.each([
    "default",
    "DEFAUL",
    "DEFAULT/L",
    "DEFAULT/U",
    "RULE:CN=(.*?),OU=ServiceUsers.*/$1",
    "rule:^CN=(.*?),OU=ServiceUsers.*$/$1/",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L/U",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/L",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/U",
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/LU",
    "RULE:(/$1/"
  ])("%j are none", (rules) => {
    assert.isTrue(Result.isFailure(principalMapping(rules)))
  })
})

describe("a name", () => {
  const RULES = [
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L",
    "RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L",
    "RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U",
    "RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U",
    "DEFAULT"
  ].join(", ")

  it.each([
    [RULES, "CN=Duke,OU=ServiceUsers,O=Org,C=US", "duke"],
    [RULES, "CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US", "duke@sme"],
    [RULES, "cn=duke,ou=sme,dc=mycp,dc=com", "DUKE@SME"],
    [RULES, "cN=duke,OU=JavaSoft,O=Sun Microsystems", "DUKE"],
    [RULES, "OU=JavaSoft,O=Sun Microsystems,C=US", "OU=JavaSoft,O=Sun Microsystems,C=US"],
    [String.raw`RULE:^CN=((\\, *|\w)+)(,.*|$)/$1/,DEFAULT`, "CN=Tkac\\, Adam,OU=ITZ,DC=geodis,DC=cz", "Tkac\\, Adam"],
    ["RULE:CN=(.*)/$1@$4/", "CN=x", "x@$4"],
    ["RULE:CN=(.*)/$12/", "CN=x", "x2"],
    ["RULE:(?i)cn=(.*)/$1/", "CN=x", "x"],
    // As Java's replaceAll, which finds the empty end, too.
    ["RULE:.*/a/", "CN=x", "aa"],
    ["RULE:CN=y/a/", "CN=x", undefined],
    ["", "CN=x", undefined]
  ])("%s of %s", (rules, name, expected) => {
    assert.strictEqual(named(rules, name), expected)
  })
})
