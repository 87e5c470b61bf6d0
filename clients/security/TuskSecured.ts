/** Tusk with a login and rules, as Apache Kafka is set up beside it. */
import { freePort } from "../../bench/kafka/Broker.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import type { TuskBroker } from "../../bench/kafka/TuskProcess.ts"
import { jaasOf, USERS } from "./ApacheKafkaSecured.ts"
import type { Secured } from "./Principals.ts"

/** Starts it; anonymous clients come by `plaintext`, `User:super` is the one super user. */
export const startSecuredTusk = async (
  storage: "embedded" | "memory",
  more: Readonly<Record<string, string>> = {}
): Promise<TuskBroker & Secured> => {
  const sasl = `127.0.0.1:${await freePort()}`
  const broker = await startTusk({
    storage,
    listen: [`SASL://${sasl}`],
    settings: {
      "num.partitions": "4",
      "group.initial.rebalance.delay.ms": "0",
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT",
      "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
      "listener.name.sasl.plain.sasl.jaas.config": jaasOf(USERS),
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "auto.create.topics.enable": "false",
      "super.users": "User:super",
      ...more
    }
  })
  return { ...broker, plaintext: broker.bootstrap, sasl }
}
