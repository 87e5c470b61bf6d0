/** Tens of thousands of connections that say something wrong: each is answered or closed in time, and nothing else happens. */
import { connect } from "node:net"
import type { Report } from "../../../bench/groups/Report.ts"
import { chance, clientHellos, saslCase, tlsCase } from "./Frames.ts"
import type { Sent } from "./Frames.ts"
import { errorLines, Memory, startHostileTusk } from "./HostileTusk.ts"
import type { HostileTusk } from "./HostileTusk.ts"
import { shownPause, startNormalClient } from "./NormalClient.ts"

/** So long a client may be silent on these brokers. */
const LIMIT_MS = 1000
/** The watch looks once a second, the machine is busy: no connection is to last longer. */
const PATIENCE_MS = LIMIT_MS + 6000
const AT_A_TIME = 300
/** Of memory, MiB. */
const FLAT = 48

export interface MutatedOptions {
  readonly count: number
  readonly seed: number
}

interface Outcome {
  readonly how: "answered" | "closed" | "late"
  readonly answer: Buffer
}

/** Says it, and waits for the end of the connection, or for its limit; half of the clients end their side. */
const say = (port: number, pieces: Sent, ends: boolean): Promise<Outcome> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true })
    const heard: Array<Buffer> = []
    const end = (how: Outcome["how"]) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ how, answer: Buffer.concat(heard) })
    }
    const timer = setTimeout(() => end(heard.length > 0 ? "answered" : "late"), PATIENCE_MS)
    socket.on("data", (bytes) => heard.push(bytes as Buffer))
    socket.on("error", () => {})
    socket.on("close", () => end(heard.length > 0 ? "answered" : "closed"))
    const [first, second] = pieces
    const last = () => {
      if (second !== undefined) socket.write(second)
      if (ends) socket.end()
    }
    socket.write(first!, () => setImmediate(last))
  })

const attack = async (tusk: HostileTusk, { count, seed }: MutatedOptions, report: Report) => {
  const below = chance(seed)
  const hellos = await clientHellos()
  const outcomes = { answered: 0, closed: 0, late: 0 }
  let told = 0
  let begun = 0
  const work = async () => {
    while (begun++ < count) {
      const isTls = begun % 5 < 2
      const pieces = isTls ? tlsCase(hellos, below) : saslCase(below)
      const { answer, how } = await say(isTls ? tusk.ports.SSL : tusk.ports.SASL, pieces, below(2) === 0)
      outcomes[how]++
      // Metadata's answer names the broker.
      if (!isTls && answer.includes("127.0.0.1")) told++
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  const { answered, closed, late } = outcomes
  report.note("mutated frames", `${count}: ${answered} answered, ${closed} closed without a word`)
  report.check("each connection ends in time", late === 0, `${late} did not`, `${PATIENCE_MS} ms`)
  report.check("nobody is let in by them", told === 0, `${told} were told of the cluster`, "none")
}

/** The whole of it, on a broker of its own. */
export const mutatedFrames = async (options: MutatedOptions, report: Report): Promise<void> => {
  const tusk = await startHostileTusk({
    settings: {
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      "sasl.oauthbearer.jwks.endpoint.url": "file:///nowhere",
      "connection.failed.authentication.delay.ms": "10",
      "tusk.authentication.timeout.ms": String(LIMIT_MS),
      "tusk.tls.handshake.timeout.ms": String(LIMIT_MS),
      "max.connection.creation.rate": "2147483647"
    }
  })
  const normal = await startNormalClient(tusk)
  const memory = new Memory(tusk)
  try {
    await attack(tusk, options, report)
    const pause = await normal.since()
    const shown = memory.stop()
    report.check(
      "memory is flat",
      memory.growthMiB() < FLAT,
      `${shown}; ${memory.growthMiB().toFixed(0)} MiB more`,
      `${FLAT} MiB`
    )
    report.check("others are served", pause.failures.length === 0, pause.failures[0] ?? shownPause(pause), "no failure")
    const errors = errorLines(tusk.log())
    report.check("no defect, no error in the log", errors.length === 0, errors[0]?.slice(0, 300) ?? "none", "none")
  } finally {
    memory.stop()
    normal.stop()
    await tusk.stop()
  }
}
