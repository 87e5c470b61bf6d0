/** A broker with delegation tokens, users who log in, and what they and Apache Kafka's tool do with tokens. */
import type { Api } from "@tusk/protocol/codec/Api"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DescribeDelegationToken } from "@tusk/protocol/messages/DescribeDelegationToken"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { holdsWithin } from "../../bench/groups/Report.ts"
import type { Against } from "../../bench/groups/Target.ts"
import { normalised } from "../groups/Golden.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import type { ToolShell } from "../groups/ToolShell.ts"
import { startSecuredKafka, USERS } from "./ApacheKafkaSecured.ts"
import { connectAs } from "./Principals.ts"
import type { Principal, Secured } from "./Principals.ts"
import { startSecuredTusk } from "./TuskSecured.ts"

const SETTINGS = {
  "delegation.token.secret.key": "a secret key",
  "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
}

type SecuredBroker = Secured & { readonly stop: () => Promise<void> }

const startBroker = (against: Against): Promise<SecuredBroker> =>
  against === "kafka"
    ? startSecuredKafka(undefined, SETTINGS)
    : startSecuredTusk(against === "tusk" ? "embedded" : "memory", SETTINGS)

export interface KnownToken {
  readonly tokenId: string
  /** As the tool prints it. */
  readonly hmac: string
}

const [LITERAL, ALLOW, USER] = [3, 3, 7]

/** A moment, by how long it is from now on: the steps of a part take less than half of what it is rounded to. */
const sinceNow = (atMs: number): string => `T+${Math.round((atMs - Date.now()) / 600_000) * 10}m`

const TIME = /timestamp/i

/** Logs in by a token or by PLAIN. */
const loginLines = (module: string, mechanism: string, user: string, password: string, more = ""): string =>
  [
    "security.protocol=SASL_PLAINTEXT",
    `sasl.mechanism=${mechanism}`,
    `sasl.jaas.config=org.apache.kafka.common.security.${module} required username="${user}" password="${password}"${more};`
  ].join("\n")

export const tokenLines = ({ hmac, tokenId }: KnownToken, mechanism: string): string =>
  loginLines("scram.ScramLoginModule", mechanism, tokenId, hmac, ' tokenauth="true"')

export class TokenScene {
  readonly outputs = new Map<string, string>()
  readonly broker: SecuredBroker
  readonly #shell: ToolShell
  readonly #folder = mkdtempSync(join(tmpdir(), "tusk-tokens-"))
  /** What stands for a token's id and HMAC, in the order of their making. */
  readonly #names = new Map<string, string>()

  private constructor(broker: SecuredBroker, shell: ToolShell) {
    this.broker = broker
    this.#shell = shell
  }

  static async start(against: Against): Promise<TokenScene> {
    const broker = await startBroker(against)
    try {
      return new TokenScene(broker, await startToolShell(broker.sasl))
    } catch (error) {
      await broker.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true })
    await this.#shell.stop()
    await this.broker.stop()
  }

  keep(step: string, text: string): void {
    let unique = step
    for (let again = 2; this.outputs.has(unique); again++) unique = `${step} (${again})`
    this.outputs.set(unique, text)
  }

  #without(text: string): string {
    let shown = text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d\b/g, (date) => sinceNow(new Date(date).getTime()))
    for (const [own, name] of this.#names) shown = shown.replaceAll(own, name)
    return shown.replaceAll(this.broker.sasl, "BROKER")
  }

  /** Writes a client's properties. */
  file(name: string, lines: string): string {
    const path = join(this.#folder, `${name}.properties`)
    writeFileSync(path, lines)
    return path
  }

  /** What the tool prints for those who log in so. */
  async toolWith(who: string, lines: string, args: ReadonlyArray<string>): Promise<string> {
    const { code, text } = await this.#shell.run("kafka-delegation-tokens", [
      "--command-config",
      this.file("client", lines),
      ...args
    ])
    const found = /^([\w-]{22})\s+(\S{88})\s/m.exec(text)
    if (args[0] === "--create" && found !== null) this.#know(found[1]!, found[2]!)
    const step = this.#without(`${who}: ${args.join(" ")}`)
    this.keep(step, `${normalised(this.#without(text))}\nexit code ${code}`)
    return text
  }

  tool(user: keyof typeof USERS, ...args: ReadonlyArray<string>): Promise<string> {
    return this.toolWith(user, loginLines("plain.PlainLoginModule", "PLAIN", user, USERS[user]), args)
  }

  #know(tokenId: string, hmac: string): void {
    const number = this.#names.size / 2 + 1
    this.#names.set(tokenId, `ID-${number}`)
    this.#names.set(hmac, `HMAC-${number}`)
  }

  /** Makes a token, and waits until the broker knows it: Apache Kafka's hears it from its controller. */
  async create(user: keyof typeof USERS, ...args: ReadonlyArray<string>): Promise<KnownToken> {
    const found = /^([\w-]{22})\s+(\S{88})\s/m.exec(await this.tool(user, "--create", ...args))
    if (found === null) throw new Error(`${user} gets no token`)
    await this.untilKnown(found[1]!, true)
    return { tokenId: found[1]!, hmac: found[2]! }
  }

  async untilKnown(tokenId: string, isThere: boolean): Promise<void> {
    const holds = await holdsWithin(10_000, async () => {
      const { tokens } = await this.call("super", DescribeDelegationToken, 3, { owners: null })
      return tokens.some((token) => token.tokenId === tokenId) === isThere
    })
    if (!holds) throw new Error(`${tokenId} is not ${isThere ? "there" : "gone"}`)
  }

  async call<Req, Res>(who: Principal, api: Api<Req, Res>, version: number, request: object): Promise<Res> {
    const wire = await connectAs(this.broker, who)
    try {
      return await wire.call(api, version, request as any)
    } finally {
      wire.close()
    }
  }

  /** What a request of a user's own is answered. */
  async ask<Req, Res>(who: Principal, api: Api<Req, Res>, version: number, request: object): Promise<Res> {
    const answer: any = await this.call(who, api, version, request)
    if (answer.errorCode === 0 && answer.tokenId !== undefined) {
      this.#know(answer.tokenId, Buffer.from(answer.hmac).toString("base64"))
      await this.untilKnown(answer.tokenId, true)
    }
    const shown = (key: string, value: unknown): unknown => {
      if (value instanceof Uint8Array) return this.#without(Buffer.from(value).toString("base64"))
      if (typeof value === "string") return this.#without(value)
      if (typeof value === "bigint") return TIME.test(key) && value > 0n ? sinceNow(Number(value)) : String(value)
      if (Array.isArray(value)) return value.map((one) => shown("", one)).toSorted(byText)
      if (typeof value !== "object" || value === null) return value
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(name, one)]))
    }
    const text = (value: unknown) => JSON.stringify(shown("", value))
    this.keep(`${api.name} ${version} by ${who}: ${text(request)}`, text(answer))
    return answer
  }

  /** Lets a user make or see the tokens of another: 13 is CREATE_TOKENS, 14 DESCRIBE_TOKENS. */
  async allow(user: string, operation: 13 | 14, owner: string): Promise<void> {
    const resource = { resourceType: USER, resourceName: `User:${owner}`, resourcePatternType: LITERAL }
    const rule = { ...resource, principal: `User:${user}`, host: "*", operation, permissionType: ALLOW }
    const { results } = await this.call("super", CreateAcls, 3, { creations: [rule] })
    if (results[0]?.errorCode !== 0) throw new Error(`a rule is refused: ${results[0]?.errorMessage}`)
  }
}

const byText = (one: unknown, other: unknown): number => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)
