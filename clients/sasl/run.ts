/**
 * Logins of clients that do it right and of clients that do not: the same bytes to Tusk and to Apache Kafka of the same
 * version, and whether the answers are the same. `npm run test:sasl [-- --only PART-OF-A-NAME]`. Ends with 1 where one differs.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { javaCommand, prepareJava, startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import { freePort } from "../../bench/kafka/Broker.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import { ask, probes } from "./probes.ts"
import { clients } from "./realClients.ts"

const { values: options } = parseArgs({ options: { only: { type: "string", default: "" }, show: { type: "boolean" } } })

/** Where Tusk answers otherwise on purpose. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "Metadata after handshake": "an answer of no topic cannot tell an error: the connection is closed without one",
  ...Object.fromEntries(
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) =>
      ["nobody", "a token nobody has"].map((name) => [
        `${mechanism}, ${name}`,
        "who asks does not learn whether there is such a user: the last step fails, not the first"
      ])
    )
  )
}

const LOGIN_MODULES = "org.apache.kafka.common.security"
const SETTINGS = {
  "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
  "listener.name.sasl.plain.sasl.jaas.config": `${LOGIN_MODULES}.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";`
}
/** Apache Kafka wants a login module for each mechanism. */
const OF_KAFKA = {
  "listener.name.sasl.scram-sha-256.sasl.jaas.config": `${LOGIN_MODULES}.scram.ScramLoginModule required;`,
  "listener.name.sasl.scram-sha-512.sasl.jaas.config": `${LOGIN_MODULES}.scram.ScramLoginModule required;`,
  "listener.name.sasl.oauthbearer.sasl.jaas.config": `${LOGIN_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";`
}

const { classpath } = await prepareJava()

/** A user as an operator makes it. */
const makeCarol = async (bootstrap: string) => {
  // Not both at once: Apache Kafka takes one credential of a user in a request.
  for (const password of [
    "SCRAM-SHA-256=[iterations=4096,password=carol-secret]",
    "SCRAM-SHA-512=[password=carol-secret]"
  ]) {
    const args = ["--alter", "--entity-type", "users", "--entity-name", "carol", "--add-config", password]
    const command = javaCommand(classpath, "kafka.admin.ConfigCommand", ["--bootstrap-server", bootstrap, ...args])
    await runOk(command.file, command.args)
  }
}

const answers = async (port: number): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  for (const probe of probes) {
    if (probe.name.includes(options.only)) found.set(probe.name, await ask("127.0.0.1", port, probe))
  }
  return found
}

const kafkaPort = await freePort()
const kafka = await startApacheKafka({
  heap: "512m",
  settings: ({ controller, port }) => ({
    ...SETTINGS,
    ...OF_KAFKA,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${kafkaPort},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${kafkaPort}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT"
  })
})
let theirs: ReadonlyMap<string, string>
try {
  await makeCarol(kafka.bootstrap)
  theirs = await answers(kafkaPort)
} finally {
  await kafka.stop()
}

const tuskPort = await freePort()
const tusk = await startTusk({
  storage: "memory",
  settings: SETTINGS,
  listeners: { SASL: ["SASL_PLAINTEXT", tuskPort] }
})
let differ = 0
const note = (name: string, isRight: boolean, text: string) => {
  if (!isRight) differ++
  process.stdout.write(`${isRight ? "right" : "WRONG"} ${name}: ${text}\n`)
}
try {
  await makeCarol(tusk.bootstrap)
  for (const [name, client] of Object.entries(options.only === "" ? clients : {})) {
    for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]) {
      const login = { mechanism, user: "carol" }
      const bootstrap = `127.0.0.1:${tuskPort}`
      const right = await client(bootstrap, { ...login, password: "carol-secret" })
      // librdkafka before 2.6.1 is refused by Apache Kafka 4, too.
      const isOld = name === "kcat" && mechanism !== "PLAIN" && right.startsWith("refused")
      note(`${name}, ${mechanism}`, right === "written" || isOld, right)
      const wrong = await client(bootstrap, { ...login, password: "wrong" })
      note(`${name}, ${mechanism}, wrong password`, wrong.startsWith("refused"), wrong)
    }
  }
  const ours = await answers(tuskPort)
  for (const [name, their] of theirs) {
    const our = ours.get(name)
    const isSame = our === their
    if (!isSame && OTHERWISE[name] === undefined) differ++
    if (options.show || !isSame)
      process.stdout.write(`${isSame ? "same" : "DIFFERS"} ${name}\n  kafka: ${their}\n  tusk:  ${our}\n`)
    if (!isSame && OTHERWISE[name] !== undefined) process.stdout.write(`  on purpose: ${OTHERWISE[name]}\n`)
  }
  process.stdout.write(`${theirs.size} logins on the wire; ${differ} differ\n`)
} finally {
  await tusk.stop()
}
process.exitCode = differ === 0 ? 0 : 1
