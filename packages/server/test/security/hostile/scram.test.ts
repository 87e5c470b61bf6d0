/** What may be tried against SCRAM: a login is for who knows the password, once, and by what was agreed on. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { ScramMechanism } from "../../../src/security/sasl/ScramKeys.ts"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import type { WireClient } from "../../WireClient.ts"
import {
  clientFinal,
  connectSasl,
  makeUser,
  plainToken,
  scramLogin,
  startSaslBroker,
  upsertion
} from "../sasl/SaslBroker.ts"

const PASSWORD = "carol-secret"
const BOTH: ReadonlyArray<ScramMechanism> = ["SCRAM-SHA-256", "SCRAM-SHA-512"]

describe("SCRAM against a hostile client", () => {
  let broker: BrokerUnderTest
  beforeAll(async () => {
    broker = await startSaslBroker({ "connection.failed.authentication.delay.ms": 0 })
    await makeUser(broker, upsertion("carol", "SCRAM-SHA-256", PASSWORD))
    await makeUser(broker, upsertion("carol", "SCRAM-SHA-512", PASSWORD))
    await makeUser(broker, upsertion("dora", "SCRAM-SHA-512", "dora-secret"))
    await makeUser(broker, upsertion("nothing", "SCRAM-SHA-256", ""))
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  const say = (client: WireClient, token: string) => client.call(SaslAuthenticate, 2, { authBytes: Buffer.from(token) })

  const begin = async (mechanism: ScramMechanism, first: string) => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism })
    const { authBytes, errorCode } = await say(client, first)
    return { client, errorCode, serverFirst: String(Buffer.from(authBytes)) }
  }

  const refused = async (client: WireClient, errorCode: number, what: string) => {
    assert.strictEqual(errorCode, 58, what)
    await client.closed
    assert.deepStrictEqual(client.frames, [], what)
  }

  for (const mechanism of BOTH) {
    it(`${mechanism}: what was heard of a whole login opens no other`, async () => {
      const first = "n,,n=carol,r=heard"
      const heard = await begin(mechanism, first)
      const { message } = clientFinal(mechanism, PASSWORD, first, heard.serverFirst)
      assert.strictEqual((await say(heard.client, message)).errorCode, 0)
      const again = await begin(mechanism, first)
      assert.notStrictEqual(again.serverFirst, heard.serverFirst)
      await refused(again.client, (await say(again.client, message)).errorCode, "of another nonce")
      // The same proof for the nonce of this login.
      const mine = message.replace(/r=[^,]+/, /r=[^,]+/.exec((await begin(mechanism, first)).serverFirst)![0])
      const third = await begin(mechanism, first)
      await refused(third.client, (await say(third.client, mine)).errorCode, "of a nonce of nobody's")
    })

    it(`${mechanism}: the last message again, on a connection that is logged in`, async () => {
      const first = "n,,n=carol,r=again"
      const { client, serverFirst } = await begin(mechanism, first)
      const { message } = clientFinal(mechanism, PASSWORD, first, serverFirst)
      assert.strictEqual((await say(client, message)).errorCode, 0)
      assert.strictEqual((await say(client, message)).errorCode, 34)
      assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
    })
  }

  it("the weaker hash proves nothing where the stronger one was agreed on", async () => {
    for (const agreed of BOTH) {
      const used = BOTH.find((mechanism) => mechanism !== agreed)!
      const first = "n,,n=carol,r=weaker"
      const { client, serverFirst } = await begin(agreed, first)
      const { message } = clientFinal(used, PASSWORD, first, serverFirst)
      await refused(client, (await say(client, message)).errorCode, `${used} for ${agreed}`)
    }
  })

  it("a password of PLAIN is no message of SCRAM, first or last", async () => {
    const plain = plainToken("carol", PASSWORD).toString()
    const { client, errorCode } = await begin("SCRAM-SHA-256", plain)
    await refused(client, errorCode, "first")
    const late = await begin("SCRAM-SHA-256", "n,,n=carol,r=abc")
    await refused(late.client, (await say(late.client, plain)).errorCode, "last")
  })

  it("channels are not bound to, and none that is claimed is believed", async () => {
    for (const header of ["y,,", "p=tls-unique,,", "p=tls-exporter,,", "p=,,", "", ",,", "n,b=carol,", "n,", "N,,"]) {
      const { client, errorCode } = await begin("SCRAM-SHA-256", `${header}n=carol,r=bound`)
      await refused(client, errorCode, header)
    }
    for (const binding of ["y,,", "p=tls-unique,,", "n,a=carol,", "n,,x"]) {
      const first = "n,,n=carol,r=bound"
      const { client, serverFirst } = await begin("SCRAM-SHA-256", first)
      const claimed = clientFinal("SCRAM-SHA-256", PASSWORD, `${binding}${first.slice(3)}`, serverFirst, binding)
      await refused(client, (await say(client, claimed.message)).errorCode, `bound by ${binding}`)
    }
  })

  it("how often a password is hashed is not the client's choice", async () => {
    const first = "n,,n=carol,r=often"
    for (const iterations of ["1", "4095", "4097", "16384"]) {
      const { client, serverFirst } = await begin("SCRAM-SHA-256", first)
      const changed = serverFirst.replace(/i=\d+$/, `i=${iterations}`)
      const { message } = clientFinal("SCRAM-SHA-256", PASSWORD, first, changed)
      await refused(client, (await say(client, message)).errorCode, iterations)
    }
    const asked = await begin("SCRAM-SHA-256", "n,,n=carol,r=often,i=1")
    assert.match(asked.serverFirst, /,i=4096$/)
  })

  it("names are taken literally, whatever is in them", async () => {
    const long = "x".repeat(500_000)
    for (const name of ["carol\0", "\0", "carol=00", "carol=2c", "carol=", "", "=2C=", "carol,r=abc,n=dora"]) {
      const { client, errorCode } = await begin("SCRAM-SHA-256", `n,,n=${name},r=abc`)
      if (errorCode === 58) await refused(client, errorCode, name)
      else await refused(client, (await say(client, "c=biws,r=abc,p=AAAA")).errorCode, name)
    }
    for (const name of ["carol=2C", "=3D", " carol", "Carol", "carol ", "carol\u00ad", long]) {
      const first = `n,,n=${name},r=abc`
      const { client, errorCode, serverFirst } = await begin("SCRAM-SHA-256", first)
      assert.strictEqual(errorCode, 0, "nobody is told that there is no such user")
      const { message } = clientFinal("SCRAM-SHA-256", PASSWORD, first, serverFirst)
      await refused(client, (await say(client, message)).errorCode, name.slice(0, 80))
    }
    const line = broker.log.find(({ text }) => text.includes("xxxx"))
    assert.isBelow(line!.text.length, 300)
  })

  it("a mechanism's name is told in the log as far as a line is long", async () => {
    const client = await connectSasl(broker)
    const { errorCode } = await client.call(SaslHandshake, 1, { mechanism: `${"m".repeat(30_000)}` })
    assert.strictEqual(errorCode, 33)
    await client.closed
    assert.isBelow(broker.log.find(({ text }) => text.includes("mmmm"))!.text.length, 300)
  })

  it("a name of a megabyte is not read", async () => {
    const client = await connectSasl(broker)
    await client.call(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" })
    client.send(SaslAuthenticate, 2, { authBytes: Buffer.from(`n,,n=${"x".repeat(1 << 20)},r=abc`) })
    await client.closed
    assert.deepStrictEqual(client.frames, [])
  })

  it("nobody acts as another, though the password is right", async () => {
    for (const authzid of ["dora", "User:carol", "carol ", "CAROL", "=00"]) {
      const { client, errorCode } = await begin("SCRAM-SHA-256", `n,a=${authzid},n=carol,r=abc`)
      await refused(client, errorCode, authzid)
    }
    const first = "n,a=carol,n=carol,r=abc"
    const { client, serverFirst } = await begin("SCRAM-SHA-256", first)
    const { message } = clientFinal("SCRAM-SHA-256", PASSWORD, first, serverFirst, "n,a=carol,")
    assert.strictEqual((await say(client, message)).errorCode, 0)
  })

  it("an empty password is one like any other, and opens nobody else's", async () => {
    for (const user of ["carol", "nobody"]) {
      const client = await connectSasl(broker)
      const { first, last } = await scramLogin(client, "SCRAM-SHA-256", user, "")
      assert.strictEqual(first.errorCode, 0)
      await refused(client, last.errorCode, user)
    }
    assert.strictEqual((await scramLogin(await connectSasl(broker), "SCRAM-SHA-256", "nothing", "")).last.errorCode, 0)
  })

  it("a proof is as long as the hash, and there is one", async () => {
    for (const proof of [",p=", ",p=AAAA", ",p=====", "", ",p=" + "A".repeat(44), ",p=" + "A".repeat(400_000)]) {
      const { client, serverFirst } = await begin("SCRAM-SHA-256", "n,,n=carol,r=abc")
      const nonce = /r=[^,]+/.exec(serverFirst)![0]
      await refused(client, (await say(client, `c=biws,${nonce}${proof}`)).errorCode, proof.slice(0, 20))
    }
  })

  it("a mechanism is not switched half way", async () => {
    for (const mechanism of ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"]) {
      const { client } = await begin("SCRAM-SHA-256", "n,,n=carol,r=abc")
      assert.strictEqual((await client.call(SaslHandshake, 1, { mechanism })).errorCode, 34)
      await client.closed
    }
  })
})
