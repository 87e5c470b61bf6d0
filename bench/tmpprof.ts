import { startTusk } from "./kafka/TuskProcess.ts"
import { makeTopic } from "./capacity/Sides.ts"
import { load } from "./capacity/Load.ts"
import { converse } from "./capacity/Connection.ts"
import { batchOf, producing } from "./capacity/Flow.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"
import { pathToFileURL } from "node:url"
import { join } from "node:path"
const [kib, storage, what, secs] = [
  Number(process.argv[2]),
  process.argv[3]!,
  process.argv[4]!,
  Number(process.argv[5] ?? 3)
]
const tusk = await startTusk({
  storage: "embedded",
  settings: (d) => ({ "tusk.object.store": pathToFileURL(join(d, "objects")).href })
})
try {
  const side: any = {
    id: "x",
    name: "x",
    broker: "tusk",
    configs: { "tusk.storage": storage },
    bootstrap: tusk.bootstrap,
    port: Number(tusk.bootstrap.split(":")[1]),
    pids: tusk.pids
  }
  await makeTopic(side, "t", 16)

  let job: any
  if (what === "produce") job = { kind: "produce", topic: "t", partitions: 16, kib }
  else {
    const batch = batchOf(kib)
    const batches = Math.ceil((64 << 20) / 16 / batch.byteLength)
    await Promise.all(
      Array.from({ length: 16 }, (_, p) => {
        let left = batches
        return converse(side.port, producing("t", p, batch), () => --left > 0)
      })
    )
    job = {
      kind: "consume",
      log: { topic: "t", partitions: 16, batches, batchBytes: batch.byteLength, batchRecords: kib }
    }
  }
  const m = await load({ port: side.port, connections: 16, leadMs: 500, measureMs: secs * 1000, work: job }, tusk.pids)
  console.log(kib, storage, what, JSON.stringify(m))
} finally {
  await tusk.stop()
}
