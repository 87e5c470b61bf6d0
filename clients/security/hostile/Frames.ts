/** Frames of SASL and TLS that are wrong in some way: the same ones for the same seed. */
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import { connect, createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { connect as connectTls } from "node:tls"
import type { ConnectionOptions } from "node:tls"
import { rawFrame } from "../../../packages/server/test/security/sasl/SaslBroker.ts"
import { requestFrame } from "../../../packages/server/test/WireClient.ts"

/** A number below the given one. */
export type Chance = (below: number) => number

export const chance = (seed: number): Chance => {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
const unsigned = `${base64({ alg: "none" })}.${base64({ sub: "alice", iat: 1, exp: 9_999_999_999 })}.`
const forged = `${base64({ alg: "HS256", kid: "k" })}.${base64({ sub: "alice", iat: 1, exp: 9_999_999_999 })}.c2ln`

/** Tokens of each mechanism; none of them lets anybody in. */
const TOKENS: ReadonlyArray<readonly [mechanism: string, ...tokens: ReadonlyArray<string>]> = [
  ["PLAIN", "\0alice\0wrong"],
  ["PLAIN", "alice\0alice\0wrong"],
  ["PLAIN", "\0alice\0"],
  ["SCRAM-SHA-256", "n,,n=carol,r=fyko+d2lbbFgONRv9qkxdawL", "c=biws,r=fyko+d2lbbFgONRv9qkxdawLx,p=dHVzaw=="],
  ["SCRAM-SHA-512", "n,a=bob,n=carol,r=abc,tokenauth=true", "c=biws,r=abcdef,p=dHVzaw=="],
  ["SCRAM-SHA-512", "p=tls-unique,,n=carol,r=abc", "c=cD10bHMtdW5pcXVlLCw=,r=abcdef,p=dHVzaw=="],
  ["OAUTHBEARER", `n,,\x01auth=Bearer ${unsigned}\x01\x01`, "\x01"],
  ["OAUTHBEARER", `n,a=bob,\x01auth=Bearer ${forged}\x01key=value\x01\x01`, "\x01"]
]

/** Its correlation id is that of nobody else's request. */
export const ASKED_ID = 0x7a7a7a7a
const metadata = () => requestFrame(Metadata, 12, { topics: null }, ASKED_ID)

/** The frames of one login, of the kinds that there are, and a request behind them. */
const login = (below: Chance): Array<Buffer> => {
  const [mechanism, ...tokens] = TOKENS[below(TOKENS.length)]!
  const version = below(2)
  const framed = (token: string, i: number) =>
    version === 0
      ? rawFrame(Buffer.from(token))
      : requestFrame(SaslAuthenticate, below(3), { authBytes: Buffer.from(token) }, 10 + i)
  return [
    ...(below(3) === 0 ? [requestFrame(ApiVersions, below(5), {}, 1)] : []),
    requestFrame(SaslHandshake, version, { mechanism }, 2),
    ...tokens.map(framed),
    metadata()
  ]
}

/** Bytes of a length, or of anything that may be one. */
const LENGTHS = [0, 1, 0x7f, 0xff, 0x7fff, 0x80_00, 0xff_ff, 524_288, 524_289, 0x7fff_ffff, -1, -0x8000_0000]

const mutate = (bytes: Buffer, below: Chance): Buffer => {
  const at = below(Math.max(1, bytes.byteLength))
  switch (below(8)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(Math.max(1, at)), at), bytes.subarray(at)])
    case 2:
      if (bytes.byteLength >= 4) bytes.writeInt32BE(LENGTHS[below(LENGTHS.length)]!, Math.min(at, bytes.byteLength - 4))
      return bytes
    case 3:
      if (bytes.byteLength >= 2) bytes.writeUInt16BE(below(65_536), Math.min(at, bytes.byteLength - 2))
      return bytes
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + below(5000), below(256)), bytes.subarray(at)])
    default:
      for (let flips = 1 + below(6); flips > 0; flips--) {
        const where = below(Math.max(1, bytes.byteLength))
        if (where < bytes.byteLength) bytes[where]! ^= 1 << below(8)
      }
      return bytes
  }
}

/** The length in front is right again: what is wrong is found later. */
const withLength = (frame: Buffer): Buffer => {
  if (frame.byteLength >= 4) frame.writeInt32BE(frame.byteLength - 4, 0)
  return frame
}

/** What one connection sends: pieces, which come apart. */
export type Sent = ReadonlyArray<Buffer>

/** A login of which something is wrong. */
export const saslCase = (below: Chance): Sent => {
  const frames: Array<Buffer> = login(below).map((frame) => Buffer.from(frame))
  switch (below(5)) {
    case 0: {
      const [from, to] = [below(frames.length), below(frames.length)]
      const [moved] = frames.splice(from, 1)
      frames.splice(to, 0, moved!)
      break
    }
    case 1:
      frames.splice(below(frames.length), 1)
      break
    case 2:
      frames.splice(below(frames.length), 0, ...login(below))
      break
  }
  for (let times = 1 + below(3); times > 0; times--) {
    const which = below(frames.length)
    const changed = mutate(frames[which] ?? Buffer.alloc(0), below)
    frames[which] = below(3) === 0 ? changed : withLength(changed)
  }
  return inPieces(Buffer.concat(frames), below)
}

/** A ClientHello of which something is wrong. */
export const tlsCase = (hellos: ReadonlyArray<Buffer>, below: Chance): Sent => {
  let hello: Buffer = Buffer.from(hellos[below(hellos.length)]!)
  for (let times = 1 + below(3); times > 0; times--) hello = mutate(hello, below)
  // The record's length is right again.
  if (below(2) === 0 && hello.byteLength > 5) hello.writeUInt16BE((hello.byteLength - 5) & 0xffff, 3)
  const behind = below(4) === 0 ? Buffer.from(hellos[below(hellos.length)]!) : Buffer.alloc(0)
  return inPieces(Buffer.concat([hello, behind]), below)
}

const inPieces = (bytes: Buffer, below: Chance): Sent => {
  if (below(3) > 0 || bytes.byteLength < 2) return [bytes]
  const at = 1 + below(bytes.byteLength - 1)
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

/** What a client of TLS says first. */
const helloOf = (options: ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.once("data", (bytes) => {
        resolve(bytes as Buffer)
        socket.destroy()
        server.close()
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const socket = connectTls({ ...options, socket: connect(port, "127.0.0.1"), rejectUnauthorized: false })
      socket.on("error", () => {})
      server.on("error", reject)
    })
  })

export const clientHellos = (): Promise<ReadonlyArray<Buffer>> =>
  Promise.all([
    helloOf({}),
    helloOf({ maxVersion: "TLSv1.2" }),
    helloOf({ servername: "kafka.example", ALPNProtocols: ["h2", "kafka"] }),
    helloOf({ minVersion: "TLSv1.3", ecdhCurve: "P-521" })
  ])
