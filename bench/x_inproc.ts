/* JS cost of a Produce in process: no sockets, no Postgres. node bench/x_inproc.ts KIB CONNS REQUESTS */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { brokerLayer, tuning } from "@tusk/server/BrokerLayer"
import { Connections } from "@tusk/server/net/Connections"
import { BrokerSettings } from "@tusk/server/config/BrokerSettings"
import { defaultSettings } from "@tusk/server/config/Settings"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { make, MemoryData } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { FrameWriter, PagePool } from "@tusk/storage/pg/connection/FrameWriter"
import { encodeAppends } from "@tusk/storage/pg/PgStore/encodeCommit"
import { requestFrame } from "../packages/server/test/WireClient.ts"
import { batchOf, producing } from "./capacity/Flow.ts"
const [kib, conns, requests, rounds] = process.argv.slice(2).map(Number) as [number, number, number, number]
const memory = make(new MemoryData("c"), { maxBytes: 1 << 28 })
const pool = new PagePool()
let commits = 0
const commit: (typeof memory)["commit"] = (units) => {
  const isAppend = units.every((unit) => unit.every(({ _tag }) => _tag === "Append" || _tag === "PutLeaderEpoch"))
  if (!isAppend) return memory.commit(units)
  return Effect.callback<void>((resume) => {
    commits++
    const frame = new FrameWriter(pool)
    encodeAppends(frame, units)
    const chunks = frame.finish()
    setImmediate(() => { pool.give(frame.pages); if (chunks.length > 0) resume(Effect.void) })
  })
}
const layer = brokerLayer().pipe(
  Layer.provide(Layer.succeed(Store, Store.of({ ...memory, commit }))),
  Layer.provide(Layer.succeed(BrokerSettings, defaultSettings)),
  Layer.provide(Layer.succeed(ObjectStore, undefined as any)),
  Layer.provide(tuning(defaultSettings, undefined))
)
const scope = Scope.makeUnsafe()
const context = await Effect.runPromise(Layer.buildWithScope(layer as any, scope) as Effect.Effect<Context.Context<any>>)
const connections = Context.get(context, Connections as any) as any
const peer = { listener: { name: "P", protocol: "PLAINTEXT", advertisedHost: "x", advertisedPort: 1 }, clientHost: "1.1.1.1", onGone: () => {}, isClosed: () => false }
const client = (onAnswer: (bytes: Uint8Array) => void) => {
  let ready: Array<Uint8Array> = []
  let waiter: ((e: Effect.Effect<any>) => void) | undefined
  const pull = Effect.callback<any>((resume) => {
    if (ready.length > 0) { const r = ready; ready = []; return resume(Effect.succeed(r)) }
    waiter = resume
    return Effect.sync(() => { if (waiter === resume) waiter = undefined })
  })
  const write = (chunks: ReadonlyArray<Uint8Array>) => Effect.suspend(() => { onAnswer(chunks[0]!); return Effect.void })
  const socket = Socket.make({ reader: Effect.succeed({ pull, upgrade: () => Effect.die("no") }) as any, writer: Effect.succeed({ write: (c: any) => write([c]), writeAll: (cs: any) => write(cs) }) as any })
  Effect.runFork(connections.serve(socket, peer) as any)
  return (bytes: Uint8Array) => {
    ready.push(bytes)
    if (waiter !== undefined) { const w = waiter; waiter = undefined; const r = ready; ready = []; w(Effect.succeed(r)) }
  }
}
const plain = (b: Uint8Array) => { const c = Buffer.allocUnsafeSlow(b.byteLength); c.set(b); return c }
await new Promise<void>((resolve) => {
  const send = client(() => resolve())
  send(plain(requestFrame(CreateTopics, 5, { timeoutMs: 1000, topics: [{ name: "wire", numPartitions: 16, replicationFactor: 1 }] } as any, 1)))
})
const batch = batchOf(kib)
const run = (count: number) => new Promise<void>((resolve) => {
  let left = count, answered = 0
  for (let c = 0; c < conns; c++) {
    const flow = producing("wire", c % 16, batch)
    const frame = flow.next()
    const due: Array<() => void> = []
    const send = client((answer) => { answered++; if (answered === count) return resolve(); if (left-- > 0) setImmediate(() => send(plain(frame))) })
    if (left-- > 0) setImmediate(() => send(plain(frame)))
  }
})
console.log("made"); await run(requests)
if (process.env["ALLOC"]) {
  const { Session } = await import("node:inspector/promises")
  const session = new Session(); session.connect()
  await session.post("HeapProfiler.startSampling", { samplingInterval: 4096, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true } as any)
  await run(requests)
  const { profile } = (await session.post("HeapProfiler.stopSampling")) as any
  const self = new Map<string, number>()
  const walk = (n: any, p: any) => { if (n.callFrame.url === "" && p) n.callFrame.functionName += " < " + p.callFrame.functionName + ":" + p.callFrame.url.replace(/.*\//, "") + ":" + (p.callFrame.lineNumber+1); const k = n.callFrame.functionName + " " + n.callFrame.url.replace(/.*\/(packages|node_modules)\//, "") + ":" + (n.callFrame.lineNumber + 1); self.set(k, (self.get(k) ?? 0) + n.selfSize); n.children.forEach((c: any) => walk(c, n)) }
  walk(profile.head, undefined)
  let total = 0; for (const v of self.values()) total += v
  console.log("bytes/req", Math.round(total / requests))
  for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 70)) console.log(Math.round(v / requests).toString().padStart(6), k)
  process.exit(0)
}
for (let r = 0; r < rounds; r++) {
  commits = 0
  const a = process.cpuUsage(), t = performance.now()
  await run(requests)
  const u = process.cpuUsage(a)
  console.log(`us/req cpu ${((u.user + u.system) / requests).toFixed(2)} wall ${((performance.now() - t) * 1000 / requests).toFixed(2)} a commit ${(requests / commits).toFixed(1)}`)
}
console.log("rss MB", Math.round(process.memoryUsage().rss/1e6), "max", Math.round(process.resourceUsage().maxRSS/1e3));
await Effect.runPromise(Scope.close(scope, Exit.void))
process.exit(0)
