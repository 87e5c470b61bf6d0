import { afterAll, describe, expect, it } from "@effect/vitest"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { Kafka, logLevel } from "kafkajs"
import { Tusk } from "../src/Tusk.ts"

describe("a broker on a Postgres of its own", () => {
  let folder = ""
  afterAll(() => expect(existsSync(folder)).toBe(false))

  it("has what SQL produces for a Kafka client, and is gone with the block", async () => {
    await using kafka = await Tusk.start({ storage: "embedded", settings: { "num.partitions": 1 } })
    const target = resolveOptions({ url: kafka.databaseUrl, environment: {} })
    folder = target.hosts[0]!.host
    const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: "orders", numPartitions: 1 }] })
    await admin.disconnect()
    const psql = await Effect.runPromise(connect(target, "test"))
    await Effect.runPromise(psql.query("select kafka.produce('orders', value => 'one', key => '1')"))
    const consumer = client.consumer({ groupId: "g" })
    await consumer.connect()
    await consumer.subscribe({ topic: "orders", fromBeginning: true })
    const first = Promise.withResolvers<string>()
    await consumer.run({ eachMessage: async ({ message }) => first.resolve(String(message.value)) })
    expect(await first.promise).toBe("one")
    await consumer.disconnect()
    psql.leave()
  })

  it("refuses a storage that there is none of", async () => {
    await expect(Tusk.start({ storage: "disk" as never })).rejects.toThrow(/storage: disk/)
  })
})
