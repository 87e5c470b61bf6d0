const N = 2e6
const b = Buffer.alloc(16384); b.writeBigInt64BE(1700000000123n, 35); b.writeBigInt64BE(-1n, 43)
const u = new Uint8Array(b.buffer, b.byteOffset, b.byteLength)
const dv = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength)
const a1 = (b, at) => dv(b).getBigInt64(at)
const i32 = (b, at) => (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
const a2 = (b, at) => BigInt.asIntN(64, (BigInt(i32(b, at)) << 32n) | BigInt(i32(b, at + 4) >>> 0))
const a3 = (b, at) => { const hi = i32(b, at), lo = i32(b, at + 4) >>> 0; return hi === -1 && lo === 0xffffffff ? -1n : BigInt(hi * 0x100000000 + lo) }
const a4 = (b, at) => Buffer.prototype.readBigInt64BE.call(b, at)
let x = 0n
for (const [n, f] of [["dataview", a1], ["bigint32", a2], ["double", a3], ["buffer", a4]]) for (let r = 0; r < 3; r++) { const t = process.hrtime.bigint(); for (let i = 0; i < N; i++) { x = f(u, 35 + (i & 1) * 8) } const ns = Number(process.hrtime.bigint() - t) / N; if (r === 2) console.log(n, ns.toFixed(1)) }
// writes
const w1 = (b, v) => dv(b).setBigInt64(0, v)
const w2 = (b, v) => { const hi = Number(BigInt.asIntN(32, v >> 32n)), lo = Number(BigInt.asUintN(32, v)); b[0] = hi >>> 24; b[1] = hi >>> 16; b[2] = hi >>> 8; b[3] = hi; b[4] = lo >>> 24; b[5] = lo >>> 16; b[6] = lo >>> 8; b[7] = lo }
const w3 = (b, v) => Buffer.prototype.writeBigInt64BE.call(b, v, 0)
for (const [n, f] of [["w dv", w1], ["w nums", w2], ["w buffer", w3]]) for (let r = 0; r < 3; r++) { const t = process.hrtime.bigint(); let v = 12345678901n; for (let i = 0; i < N; i++) { f(u, v) } const ns = Number(process.hrtime.bigint() - t) / N; if (r === 2) console.log(n, ns.toFixed(1)) }
const v = dv(u); for (let r = 0; r < 3; r++) { const t = process.hrtime.bigint(); for (let i = 0; i < N; i++) v.setBigInt64(0, 12345678901n + BigInt(i&3)); const ns = Number(process.hrtime.bigint() - t) / N; if (r === 2) console.log("w kept dv", ns.toFixed(1)) }
for (let r = 0; r < 3; r++) { const t = process.hrtime.bigint(); for (let i = 0; i < N; i++) x = process.hrtime.bigint(); const ns = Number(process.hrtime.bigint() - t) / N; if (r === 2) console.log("hrtime.bigint", ns.toFixed(1)) }
let y=0;for (let r = 0; r < 3; r++) { const t = process.hrtime.bigint(); for (let i = 0; i < N; i++) y += performance.now(); const ns = Number(process.hrtime.bigint() - t) / N; if (r === 2) console.log("performance.now", ns.toFixed(1)) }
