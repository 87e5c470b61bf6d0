import { createServer } from "node:net"
import { fork } from "node:child_process"
import { join } from "node:path"
const [mode, kib, secs] = process.argv.slice(2)
const answer = Buffer.alloc(49); answer.writeInt32BE(45, 0)
let reads = 0, reqs = 0
const server = createServer({ noDelay: true, pauseOnConnect: true, highWaterMark: 256 * 1024 }, (s) => {
  let have = 0, need = 0
  const take = (chunk: Buffer) => {
    reads++
    if (have === 0) need = chunk.readInt32BE(0) + 4
    have += chunk.length
    if (have >= need) { have = 0; reqs++; s.write(answer) }
  }
  s.on("error", () => {})
  if (mode === "data") { s.on("data", take); s.resume() }
  else { s.on("readable", () => { let c; while ((c = s.read()) !== null) take(c) }) }
})
server.listen(0, "127.0.0.1", () => {
  const port = (server.address() as any).port
  const child = fork(join(import.meta.dirname, "capacity/generate.ts"), [JSON.stringify({ port, connections: 16, leadMs: 2000, measureMs: Number(secs) * 1000, work: { kind: "produce", topic: "abcde", partitions: 16, kib: Number(kib) } })])
  let a: any, r = 0, q = 0
  child.on("message", (m: any) => {
    if (m === "began") { a = process.cpuUsage(); r = reads; q = reqs }
    else if (m === "ended") { const u = process.cpuUsage(a); console.log(mode, kib, "reqs", reqs - q, "reads/req", ((reads - r) / (reqs - q)).toFixed(2), "us/req user", (u.user / (reqs - q)).toFixed(1), "sys", (u.system / (reqs - q)).toFixed(1)) }
  })
  child.on("close", () => process.exit())
})
