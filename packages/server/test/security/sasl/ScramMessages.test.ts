import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { pbkdf2Sync } from "node:crypto"
import { scramExchange } from "../../../src/security/sasl/ScramExchange.ts"
import { keysOf, SCRAM } from "../../../src/security/sasl/ScramKeys.ts"
import type { ScramMechanism } from "../../../src/security/sasl/ScramKeys.ts"
import { parseClientFinal, parseClientFirst } from "../../../src/security/sasl/ScramMessages.ts"

/** RFC 7677, section 3. */
const RFC_7677 = {
  mechanism: "SCRAM-SHA-256" as ScramMechanism,
  user: "user",
  password: "pencil",
  salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
}

const exchange = (nonce: string) => {
  const { mechanism, password, salt, user } = RFC_7677
  const { digest, keyBytes } = SCRAM[mechanism]
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), 4096, keyBytes, digest)
  const credential: StoredScramCredential = {
    user,
    mechanism,
    iterations: 4096,
    salt: Buffer.from(salt, "base64"),
    ...keysOf(mechanism, salted)
  }
  const known = { credential, isDecoy: false }
  return scramExchange({
    mechanism,
    users: { of: () => known, ofPlain: () => ({ ...known, mechanism }), decoy: () => known },
    tokens: () => Effect.succeed(undefined),
    newNonce: () => nonce
  })
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe("SCRAM", () => {
  it.effect("is RFC 7677's", () =>
    Effect.gen(function* () {
      const { clientFinal, clientFirst, serverFinal, serverFirst, serverNonce } = RFC_7677
      const running = exchange(serverNonce)
      const first = yield* running.evaluate(Buffer.from(clientFirst))
      assert.strictEqual(first._tag === "Challenge" ? text(first.token) : "", serverFirst)
      const last = yield* running.evaluate(Buffer.from(clientFinal))
      assert.strictEqual(last._tag, "Accepted")
      if (last._tag !== "Accepted") return
      assert.strictEqual(text(last.token), serverFinal)
      assert.deepStrictEqual(last.identity, { principal: "User:user", groups: [], byToken: false })
    })
  )

  const attempt = Effect.fnUntraced(function* (change: (final: string) => string) {
    const running = exchange(RFC_7677.serverNonce)
    yield* running.evaluate(Buffer.from(RFC_7677.clientFirst))
    return (yield* running.evaluate(Buffer.from(change(RFC_7677.clientFinal))))._tag
  })

  it.effect("refuses a last message that is not this client's", () =>
    Effect.gen(function* () {
      const changes: ReadonlyArray<(final: string) => string> = [
        (final) => final.replace("biws", Buffer.from("y,,").toString("base64")),
        (final) => final.replace("r=rOpr", "r=xOpr"),
        (final) => final.replace("p=d", "p=e"),
        (final) => final.replace(/p=.*/, "p="),
        (final) => final.replace(/p=.*/, "p=AAAA"),
        (final) => final.replace(/,p=.*/, ""),
        (final) => final.replace("$k0", "$k0,x=y")
      ]
      for (const change of changes) assert.strictEqual(yield* attempt(change), "Rejected", String(change))
      assert.strictEqual(yield* attempt((final) => final), "Accepted")
    })
  )

  it.effect("takes a last message once, and none of another exchange", () =>
    Effect.gen(function* () {
      const running = exchange("another")
      yield* running.evaluate(Buffer.from(RFC_7677.clientFirst))
      assert.strictEqual((yield* running.evaluate(Buffer.from(RFC_7677.clientFinal)))._tag, "Rejected")
      assert.strictEqual((yield* running.evaluate(Buffer.from(RFC_7677.clientFinal)))._tag, "Rejected")
    })
  )

  it("reads a first message", () => {
    const first = parseClientFirst("n,a=me,n=a=2Cb=3Dc,r=xyz,tokenauth=true")
    assert.deepStrictEqual(first && { ...first, extensions: Array.from(first.extensions) }, {
      gs2Header: "n,a=me,",
      authzid: "me",
      username: "a,b=c",
      nonce: "xyz",
      bare: "n=a=2Cb=3Dc,r=xyz,tokenauth=true",
      extensions: [["tokenauth", "true"]]
    })
    for (const wrong of [
      "",
      "n",
      "n,,",
      "y,,n=u,r=x",
      "p=tls-unique,,n=u,r=x",
      "n,,n=,r=x",
      "n,,n=u=2c,r=x",
      "n,,n=u=,r=x",
      "n,,n=u,r=",
      "n,,n=u,r=a b",
      "n,,m=x,n=u,r=y",
      "n,,r=x,n=u",
      "n,,n=u,r=x,=y",
      "n,,n=u\0,r=x",
      "n,b=x,n=u,r=x"
    ]) {
      assert.isUndefined(parseClientFirst(wrong), wrong)
    }
  })

  it.prop("never throws", [Schema.String], ([text]) => {
    parseClientFirst(text)
    parseClientFirst(`n,,n=${text},r=${text}`)
    parseClientFinal(text)
    parseClientFinal(`c=${text},r=${text},p=${text}`)
  })
})
