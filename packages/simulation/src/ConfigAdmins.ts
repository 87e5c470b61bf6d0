import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"

/** A topic that is there to be configured. */
export const CONFIGURED_TOPIC = "configured"
/** Without any effect, each of them an admin's own. */
const NAMES = ["flush.messages", "flush.ms", "file.delete.delay.ms", "index.interval.bytes"]
const TOPIC_RESOURCE = 2
const TOPIC_SOURCE = 1
const SET = 0

/** Several admins change one config each of the same topic, all at once, and read them back. */
export const configAdmins = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clients = NAMES.map((name) => new Client(shared, `admin of ${name}`))
    const { chance } = clients[0]!
    let value = 1000
    while (true) {
      yield* Effect.sleep(chance.between(200, 3000))
      const changes = clients.map((client, i) => Effect.ignore(change(client, history, NAMES[i]!, String(++value))))
      yield* Effect.all(changes, { concurrency: "unbounded", discard: true })
      yield* Effect.ignore(readConfigs(chance.pick(clients), history))
    }
  })

const change = (client: Client, history: History, name: string, value: string) =>
  Effect.gen(function* () {
    const setting = history.configs.sets(name, value, client.nowMs)
    const answer = yield* client.call(IncrementalAlterConfigs, 0, {
      resources: [
        {
          resourceType: TOPIC_RESOURCE,
          resourceName: CONFIGURED_TOPIC,
          configs: [{ name, configOperation: SET, value }]
        }
      ],
      validateOnly: false
    })
    const { errorCode } = answer.responses[0]!
    client.log(`sets ${value}: error ${errorCode}`)
    if (errorCode !== 0) return
    setting.outcome = "ok"
    setting.endMs = client.nowMs
  })

/** Whether they could be read. */
export const readConfigs = (client: Client, history: History) =>
  Effect.gen(function* () {
    const startMs = client.nowMs
    const answer = yield* client.call(DescribeConfigs, 1, {
      ...DescribeConfigs.request.defaults(),
      resources: [{ resourceType: TOPIC_RESOURCE, resourceName: CONFIGURED_TOPIC, configurationKeys: NAMES }]
    })
    const { configs, errorCode } = answer.results[0]!
    if (errorCode !== 0) return false
    const found = configs.map(({ configSource, name, value }) => ({
      place: name,
      id: configSource === TOPIC_SOURCE ? value : null
    }))
    client.log(`finds ${found.map(({ id }) => id).join(" ")}`)
    if (client.mayBeBehind(startMs)) return false
    for (const { id, place } of found) {
      history.configs.found(place, { reader: client.name, id, startMs, nowMs: client.nowMs })
    }
    return true
  })
