import { startTusk } from "./kafka/TuskProcess.ts"
import { load } from "./capacity/Load.ts"
import { makeTopic, sides } from "./capacity/Sides.ts"
import { runBench } from "./Ending.ts"
const [storage, kib, secs, flags] = process.argv.slice(2)
await runBench(async (ending) => {
  process.env["NODE_OPTIONS"] = "--trace-gc " + (flags ?? "")
  const b: any = await ending.stopping(startTusk({ storage: storage as any }))
  delete process.env["NODE_OPTIONS"]
  const side: any = { ...sides.rows, id: "rows", configs: {}, bootstrap: b.bootstrap, port: Number(b.bootstrap.split(":")[1]), pids: b.pids }
  await makeTopic(side, "t", 16)
  const m = await load({ port: side.port, connections: 16, leadMs: 1000, measureMs: Number(secs) * 1000, work: { kind: "produce", topic: "t", partitions: 16, kib: Number(kib) } }, side.pids)
  console.log(m)
  console.log(b.log().split("\n").filter((l: string) => /ms: (Mark|Scav)/.test(l)).slice(-40).join("\n"))
})
