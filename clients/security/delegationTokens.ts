import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import { ExpireDelegationToken } from "@tusk/protocol/messages/ExpireDelegationToken"
import { RenewDelegationToken } from "@tusk/protocol/messages/RenewDelegationToken"
import { consume, produce } from "../../bench/kafka/Performance.ts"
import type { OwnPart } from "./Part.ts"
import { tokenLines, TokenScene } from "./TokenScene.ts"
import type { KnownToken } from "./TokenScene.ts"

const renew = (hmac: string, period = "-1") => ["--renew", "--renew-time-period", period, "--hmac", hmac]
const expire = (hmac: string, period = "-1") => ["--expire", "--expiry-time-period", period, "--hmac", hmac]
const life = (ms: number) => ["--max-life-time-period", String(ms)]
const HOUR = 3_600_000
const USERS = ["super", "allowed", "describer", "denied"] as const
const NO_TOKEN = Buffer.alloc(64).toString("base64")

/** With the tool: for oneself, for another, by who may and who may not. */
const withTool = async (scene: TokenScene): Promise<void> => {
  await scene.tool("allowed", "--describe")
  const own = await scene.create("allowed", ...life(-1), "--renewer-principal", "User:describer")
  const others = await scene.create("allowed", ...life(2 * HOUR), "--owner-principal", "User:denied")
  await scene.create(
    "super",
    ...life(HOUR),
    ...["--owner-principal", "User:nobody", "--renewer-principal", "User:a", "--renewer-principal", "User:b"]
  )
  await scene.tool("describer", "--create", ...life(-1), "--owner-principal", "User:denied")
  await scene.tool("allowed", "--create", ...life(-1), "--renewer-principal", "Group:readers")
  await scene.tool("allowed", "--create", ...life(-1), "--owner-principal", "nobody")
  for (const user of USERS) {
    await scene.tool(user, "--describe")
    await scene.tool(user, "--describe", "--owner-principal", "User:allowed")
    await scene.tool(user, "--describe", "--owner-principal", "User:denied", "--owner-principal", "User:nobody")
  }
  await scene.tool("describer", ...renew(own.hmac))
  await scene.tool("denied", ...renew(own.hmac))
  await scene.tool("allowed", ...renew(others.hmac))
  await scene.tool("denied", ...renew(others.hmac, String(HOUR)))
  await scene.tool("super", ...renew(others.hmac))
  await scene.tool("super", ...renew(NO_TOKEN))
  await scene.tool("allowed", "--renew", "--hmac", own.hmac)
  await scene.tool("denied", ...expire(own.hmac))
  await scene.tool("describer", ...expire(own.hmac, String(HOUR)))
  await scene.tool("allowed", "--describe")
  await scene.tool("allowed", ...expire(own.hmac))
  await scene.untilKnown(own.tokenId, false)
  await scene.tool("allowed", ...expire(own.hmac))
  await scene.tool("allowed", "--describe")
}

/** Java's client, as who holds a token. */
const byToken = async (scene: TokenScene): Promise<void> => {
  const token = await scene.create("super", ...life(-1))
  await scene.call("super", CreateTopics, 7, {
    topics: [{ name: "by-token", numPartitions: 1, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
  for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"]) {
    const config = ["--command-config", scene.file("token", tokenLines(token, mechanism))]
    await produce(scene.broker.sasl, "by-token", 1000, 100, {}, -1, config)
    await consume(scene.broker.sasl, "by-token", 1000, config)
    scene.keep(`a client by ${mechanism}`, "produces and consumes 1,000 records")
  }
  const as = (who: string, one: KnownToken) =>
    scene.toolWith(who, tokenLines(one, "SCRAM-SHA-512"), ["--describe", "--owner-principal", "User:super"])
  await as("a token", token)
  await as("a wrong HMAC", { ...token, hmac: NO_TOKEN })
  await as("a wrong id", { ...token, tokenId: "AAAAAAAAAAAAAAAAAAAAAA" })
  await scene.tool("super", ...expire(token.hmac))
  await scene.untilKnown(token.tokenId, false)
  await as("a token that is gone", token)
}

/** What the tool does not ask. */
const onWire = async (scene: TokenScene): Promise<void> => {
  const user = (principalName: string) => ({ principalType: "User", principalName })
  for (const version of [1, 2, 3]) {
    const create = { renewers: [user("r"), user("r")], maxLifetimeMs: BigInt(HOUR) }
    for (const who of ["anonymous", "denied"] as const) await scene.ask(who, CreateDelegationToken, version, create)
    const group = { principalType: "Group", principalName: "g" }
    await scene.ask("denied", CreateDelegationToken, version, { renewers: [group], maxLifetimeMs: 0n })
    await scene.ask("anonymous", DescribeDelegationToken, version, { owners: null })
    for (const owners of [null, [], [user("r")], [user("nobody")]])
      await scene.ask("denied", DescribeDelegationToken, version, { owners })
  }
  const owned = (principalType: string, name: string | null) => ({
    ownerPrincipalType: principalType,
    ownerPrincipalName: name,
    renewers: [],
    maxLifetimeMs: 10n ** 18n
  })
  await scene.ask("super", CreateDelegationToken, 3, owned("User", ""))
  await scene.ask("super", CreateDelegationToken, 3, owned("Group", null))
  await scene.ask("super", CreateDelegationToken, 3, owned("Group", "g"))
  await scene.ask("denied", CreateDelegationToken, 3, owned("User", "other"))
  const { hmac } = await scene.call("allowed", CreateDelegationToken, 3, { renewers: [], maxLifetimeMs: 1n })
  for (const version of [1, 2]) {
    await scene.ask("anonymous", RenewDelegationToken, version, { hmac: Buffer.from("x"), renewPeriodMs: -1n })
    await scene.ask("anonymous", ExpireDelegationToken, version, { hmac: Buffer.from("x"), expiryTimePeriodMs: -1n })
    for (const who of ["allowed", "denied"] as const) {
      const what = `who is ${who} and finds it expired`
      const renewed = await scene.call(who, RenewDelegationToken, version, { hmac, renewPeriodMs: -1n })
      const ended = await scene.call(who, ExpireDelegationToken, version, { hmac, expiryTimePeriodMs: 0n })
      for (const { errorCode, expiryTimestampMs } of [renewed, ended])
        scene.keep(`${version}: ${what}`, `${errorCode} ${expiryTimestampMs}`)
    }
  }
}

/** `kafka-delegation-tokens`, what else is asked of tokens, and Java's client with one. */
export const delegationTokens: OwnPart = {
  name: "delegation-tokens",
  differences: new Map([
    [
      'CreateDelegationToken 3 by super: {"ownerPrincipalType":"Group","ownerPrincipalName":"g","renewers":[],"maxLifetimeMs":"1000000000000000000"}',
      "a token is a user's: Kafka takes another kind of owner, and lets who has the token in as the user of that name"
    ]
  ]),
  outputs: async (against) => {
    const scene = await TokenScene.start(against)
    console.log(`${against}: delegation-tokens`)
    try {
      await scene.allow("allowed", 13, "denied")
      await scene.allow("describer", 14, "denied")
      await withTool(scene)
      await byToken(scene)
      await onWire(scene)
      return scene.outputs
    } finally {
      await scene.stop()
    }
  }
}
