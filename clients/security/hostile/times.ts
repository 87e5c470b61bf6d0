/** How long a refusal takes: as long of a user who is there as of one who is not. */
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import type { AlterUserScramCredentialsRequest } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { quantile } from "../../../bench/groups/Report.ts"
import type { Report } from "../../../bench/groups/Report.ts"
import { SCRAM } from "../../../packages/server/src/security/sasl/ScramKeys.ts"
import type { ScramMechanism } from "../../../packages/server/src/security/sasl/ScramKeys.ts"
import { JAAS, plainToken, upsertion } from "../../../packages/server/test/security/sasl/SaslBroker.ts"
import { WireClient } from "../../../packages/server/test/WireClient.ts"
import { startHostileTusk } from "./HostileTusk.ts"

const ROUNDS = 300
/** Medians of one and the same thing differ by as much on a busy machine. */
const NOISE = { part: 0.12, ms: 0.15 }

/** Of one attempt, each step in milliseconds. */
type Attempt = (port: number, user: string) => Promise<ReadonlyArray<number>>

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begunMs = performance.now()
  await work()
  return performance.now() - begunMs
}

const onConnection = async <A>(port: number, work: (client: WireClient) => Promise<A>): Promise<A> => {
  const client = await WireClient.connect(port)
  try {
    return await work(client)
  } finally {
    await client[Symbol.asyncDispose]()
  }
}

/** A last message whose proof has the right form: the broker works it out as for anybody. */
const scram =
  (mechanism: string, proofBytes: number): Attempt =>
  (port, user) =>
    onConnection(port, async (client) => {
      await client.call(SaslHandshake, 1, { mechanism })
      let serverFirst = ""
      const first = await timed(async () => {
        const { authBytes } = await client.call(SaslAuthenticate, 2, { authBytes: Buffer.from(`n,,n=${user},r=abc`) })
        serverFirst = String(Buffer.from(authBytes))
      })
      const proof = Buffer.alloc(proofBytes, 1).toString("base64")
      const final = `c=biws,${/r=[^,]+/.exec(serverFirst)![0]},p=${proof}`
      const last = await timed(() => client.call(SaslAuthenticate, 2, { authBytes: Buffer.from(final) }))
      return [first, last]
    })

const plain: Attempt = (port, user) =>
  onConnection(port, async (client) => {
    await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    return [await timed(() => client.call(SaslAuthenticate, 2, { authBytes: plainToken(user, "wrong") }))]
  })

interface Population {
  /** Who has which keys: one kind of users, as else those who are not there are made up to be of several kinds. */
  readonly user: string
  readonly mechanisms: ReadonlyArray<ScramMechanism>
  readonly attempts: ReadonlyArray<readonly [name: string, attempt: Attempt, users: ReadonlyArray<string>]>
}

/** `alice` stands in a setting. */
const POPULATIONS: ReadonlyArray<Population> = [
  {
    user: "weak",
    mechanisms: ["SCRAM-SHA-256"],
    attempts: [
      ["SCRAM-SHA-256", scram("SCRAM-SHA-256", 32), ["weak"]],
      ["PLAIN", plain, ["weak", "alice"]]
    ]
  },
  {
    user: "carol",
    mechanisms: ["SCRAM-SHA-256", "SCRAM-SHA-512"],
    attempts: [
      ["SCRAM-SHA-512", scram("SCRAM-SHA-512", 64), ["carol"]],
      ["PLAIN", plain, ["carol", "alice"]]
    ]
  }
]

const measure = async (attempt: Attempt, port: number, users: ReadonlyArray<string>) => {
  const strangers: Array<ReadonlyArray<number>> = []
  const known = new Map(users.map((user) => [user, [] as Array<ReadonlyArray<number>>]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const user of users) known.get(user)!.push(await attempt(port, user))
    strangers.push(await attempt(port, `who${round % 40}`))
  }
  return { known, strangers }
}

const shown = (values: ReadonlyArray<number>): string =>
  [0.1, 0.5, 0.9].map((part) => quantile(values, part).toFixed(2)).join("/")

const compare = (name: string, attempts: Awaited<ReturnType<typeof measure>>, report: Report) => {
  const { known, strangers } = attempts
  for (const [user, its] of known) {
    for (let step = 0; step < its[0]!.length; step++) {
      const [there, away] = [its, strangers].map((each) => each.map((steps) => steps[step]!)) as [number[], number[]]
      const [ofThere, ofAway] = [quantile(there, 0.5), quantile(away, 0.5)]
      const off = Math.abs(ofThere - ofAway)
      const figure = `p10/p50/p90 ${shown(there)} ms, of nobody ${shown(away)} ms`
      const bar = `medians within ${NOISE.part * 100} % or ${NOISE.ms} ms`
      report.check(`${name} of ${user}, step ${step + 1}`, off <= Math.max(NOISE.ms, NOISE.part * ofAway), figure, bar)
    }
  }
}

export const refusalTimes = async (report: Report): Promise<void> => {
  const tusk = await startHostileTusk({
    settings: {
      "connection.failed.authentication.delay.ms": "0",
      "listener.name.sasl.plain.sasl.jaas.config": JAAS,
      "max.connection.creation.rate": "2147483647"
    }
  })
  try {
    for (const { attempts, mechanisms, user } of POPULATIONS) {
      const alter = (request: AlterUserScramCredentialsRequest) =>
        onConnection(tusk.ports.PLAINTEXT, async (client) => {
          const { results } = await client.call(AlterUserScramCredentials, 0, request)
          if (results[0]?.errorCode !== 0) throw new Error(`${user}: ${results[0]?.errorMessage}`)
        })
      for (const mechanism of mechanisms) {
        await alter({ deletions: [], upsertions: [upsertion(user, mechanism, "secret")] })
      }
      for (const [name, attempt, users] of attempts) {
        compare(name, await measure(attempt, tusk.ports.SASL, users), report)
      }
      for (const mechanism of mechanisms) {
        await alter({ deletions: [{ name: user, mechanism: SCRAM[mechanism].type }], upsertions: [] })
      }
    }
  } finally {
    await tusk.stop()
  }
}
