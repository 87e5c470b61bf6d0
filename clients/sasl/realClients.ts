/** Java's client and librdkafka's, by each mechanism, with a right password and a wrong one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { run } from "../../bench/kafka/Program.ts"

export interface Login {
  readonly mechanism: string
  readonly user: string
  readonly password: string
}

const MODULES = "org.apache.kafka.common.security"

const moduleOf = (mechanism: string): string =>
  mechanism === "PLAIN" ? `${MODULES}.plain.PlainLoginModule` : `${MODULES}.scram.ScramLoginModule`

/** Writes a record by Java's console producer; tells what came of it. */
const java = async (bootstrap: string, { mechanism, password, user }: Login): Promise<string> => {
  const { classpath } = await prepareJava()
  const folder = mkdtempSync(join(tmpdir(), "tusk-sasl-"))
  try {
    const config = join(folder, "client.properties")
    const jaas = `${moduleOf(mechanism)} required username="${user}" password="${password}";`
    writeFileSync(
      config,
      `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=${mechanism}\nsasl.jaas.config=${jaas}\nmax.block.ms=8000\n`
    )
    const args = ["--bootstrap-server", bootstrap, "--topic", "logins", "--command-config", config]
    const { file, args: all } = javaCommand(classpath, "org.apache.kafka.tools.ConsoleProducer", args)
    const { stderr, stdout } = await run(file, all, { stdin: "hello\n", timeoutMs: 60_000 })
    return outcome(stdout + stderr)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same by kcat. */
const kcat = async (bootstrap: string, { mechanism, password, user }: Login): Promise<string> => {
  const settings = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanisms": mechanism,
    "sasl.username": user,
    "sasl.password": password,
    "message.timeout.ms": "4000"
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-X", `${name}=${value}`])
  const { stderr, stdout } = await run("kcat", ["-P", "-b", bootstrap, "-t", "logins", ...flags], {
    stdin: "hello\n",
    timeoutMs: 30_000
  })
  return outcome(stdout + stderr)
}

const outcome = (said: string): string => {
  if (/SaslAuthenticationException|SASL authentication error|SASL .*(failed|handshake)/i.test(said)) {
    const message = /(Authentication failed[^\n(]*|invalid credentials with SASL mechanism [A-Z0-9-]+)/.exec(said)
    return `refused: ${message?.[0]?.trim() ?? "without a word"}`
  }
  return /ERROR|%3|failed/i.test(said) ? `failed: ${said.trim().slice(0, 300)}` : "written"
}

export const clients = { java, kcat }
