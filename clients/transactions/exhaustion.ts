import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { withWire } from "../../bench/groups/Target.ts"
import { end, init } from "./tools.ts"
import type { Producer } from "./tools.ts"

const ID = "exhausted"
/** Requests in flight would overtake each other: each says the epoch before. */
const MOST = 40_000

/** An id whose producer raises its epoch (KIP-360) until there is none left: outcomes by step. */
export const exhaustionOutcomes = (bootstrap: string): Promise<ReadonlyMap<string, string>> =>
  withWire(bootstrap, async (wire) => {
    const first = await init(wire, ID)
    const ask = (producer: Producer) =>
      wire.call(InitProducerId, 5, { transactionalId: ID, transactionTimeoutMs: 60_000, ...producer })
    let last = first
    let asked = 0
    while (last.producerId === first.producerId && asked++ < MOST) {
      const { errorCode, producerEpoch, producerId } = await ask(last)
      if (errorCode !== 0) throw new Error(`InitProducerId after ${asked}: error ${errorCode}`)
      last = { producerId, producerEpoch }
    }
    const old = { producerId: first.producerId, producerEpoch: first.producerEpoch + asked - 1 }
    const again = await ask(old)
    return new Map([
      [
        "raised",
        `${asked} times, then another id: ${last.producerId !== first.producerId}, epoch ${last.producerEpoch}`
      ],
      ["repeated", `${again.errorCode} ${again.producerId === last.producerId} ${again.producerEpoch}`],
      ["of the old id", `${(await ask({ ...old, producerEpoch: 5 })).errorCode} ${await end(wire, ID, old, true)}`]
    ])
  })
