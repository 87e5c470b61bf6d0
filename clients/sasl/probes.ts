/** What a client of SASL may send, right and wrong: the same bytes to any broker, and what came back. */
import { connect } from "node:net"
import { createHash, createHmac, pbkdf2Sync } from "node:crypto"

/** A request: API, version, body. Headers of version 1, or 2 where the API is flexible. */
type Step =
  | { readonly api: number; readonly version: number; readonly body: Buffer; readonly flexible?: boolean }
  | { readonly raw: Buffer }
  | { readonly bytes: Buffer }
  /** The last message of SCRAM, made of the answer before. */
  | {
      readonly scram: "framed" | "raw"
      readonly password: string
      readonly first: string
      readonly change?: "nonce" | "binding" | "proof"
    }

export interface Probe {
  readonly name: string
  readonly steps: ReadonlyArray<Step>
}

const string = (text: string) => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])
const int16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export const handshake = (mechanism: string, version = 1): Step => ({ api: 17, version, body: string(mechanism) })
export const authenticate = (token: Buffer | string, version = 1): Step => ({
  api: 36,
  version,
  body: Buffer.concat([int32(Buffer.byteLength(token)), Buffer.from(token as string)])
})
const versions = (version = 0): Step =>
  version < 3
    ? { api: 18, version, body: Buffer.alloc(0) }
    : { api: 18, version, flexible: true, body: Buffer.from([5, ...Buffer.from("test"), 2, ...Buffer.from("1"), 0]) }
/** Metadata 1 of no topic. */
const metadata: Step = { api: 3, version: 1, body: int32(0) }

const PLAIN = "\0alice\0alice-secret"
const FIRST = "n,,n=carol,r=fyko+d2lbbFgONRv9qkxdawL"

export const probes: ReadonlyArray<Probe> = [
  { name: "PLAIN", steps: [handshake("PLAIN"), authenticate(PLAIN), metadata] },
  { name: "PLAIN, versions first", steps: [versions(), handshake("PLAIN"), authenticate(PLAIN, 0)] },
  { name: "PLAIN, versions 3 first", steps: [versions(3), handshake("PLAIN"), authenticate(PLAIN)] },
  { name: "versions twice", steps: [versions(), versions()] },
  { name: "versions unknown, then known", steps: [versions(99), versions(), handshake("PLAIN")] },
  { name: "PLAIN, wrong password", steps: [handshake("PLAIN"), authenticate("\0alice\0wrong")] },
  { name: "PLAIN, nobody", steps: [handshake("PLAIN"), authenticate("\0nobody\0wrong")] },
  { name: "PLAIN, no user", steps: [handshake("PLAIN"), authenticate("\0\0wrong")] },
  { name: "PLAIN, no password", steps: [handshake("PLAIN"), authenticate("\0alice\0")] },
  { name: "PLAIN, one token", steps: [handshake("PLAIN"), authenticate("alice")] },
  { name: "PLAIN, five tokens", steps: [handshake("PLAIN"), authenticate("\0a\0b\0c\0d")] },
  { name: "PLAIN, empty token", steps: [handshake("PLAIN"), authenticate("")] },
  { name: "PLAIN, own authzid", steps: [handshake("PLAIN"), authenticate(`alice${PLAIN}`)] },
  { name: "PLAIN, other authzid", steps: [handshake("PLAIN"), authenticate(`bob${PLAIN}`)] },
  { name: "PLAIN, raw", steps: [handshake("PLAIN", 0), { raw: Buffer.from(PLAIN) }, metadata] },
  { name: "PLAIN, raw, wrong", steps: [handshake("PLAIN", 0), { raw: Buffer.from("\0alice\0wrong") }] },
  { name: "PLAIN, header after handshake 0", steps: [handshake("PLAIN", 0), authenticate(PLAIN)] },
  { name: "PLAIN, raw after handshake 1", steps: [handshake("PLAIN"), { raw: Buffer.from(PLAIN) }] },
  { name: "GSSAPI", steps: [handshake("GSSAPI")] },
  { name: "no mechanism", steps: [handshake("")] },
  { name: "mechanism in small letters", steps: [handshake("plain")] },
  { name: "a token of Kerberos first", steps: [{ raw: Buffer.from("6082020106092a864886f71201", "hex") }] },
  { name: "Metadata first", steps: [metadata] },
  { name: "SaslAuthenticate first", steps: [authenticate(PLAIN)] },
  { name: "Metadata after versions", steps: [versions(), metadata] },
  { name: "handshake twice", steps: [handshake("PLAIN"), handshake("PLAIN")] },
  { name: "versions after handshake", steps: [handshake("PLAIN"), versions()] },
  { name: "Metadata after handshake", steps: [handshake("PLAIN"), metadata] },
  { name: "mechanism switched", steps: [handshake("SCRAM-SHA-256"), authenticate(FIRST), handshake("PLAIN")] },
  { name: "handshake after login", steps: [handshake("PLAIN"), authenticate(PLAIN), handshake("PLAIN"), metadata] },
  { name: "token after login", steps: [handshake("PLAIN"), authenticate(PLAIN), authenticate(PLAIN), metadata] },
  { name: "handshake 2", steps: [handshake("PLAIN", 2)] },
  { name: "OAUTHBEARER, nonsense", steps: [handshake("OAUTHBEARER"), authenticate("nonsense")] },
  { name: "OAUTHBEARER, no token", steps: [handshake("OAUTHBEARER"), authenticate("n,,\x01\x01")] },
  { name: "OAUTHBEARER, ^A first", steps: [handshake("OAUTHBEARER"), authenticate("\x01")] },
  {
    name: "OAUTHBEARER, no JWT",
    steps: [handshake("OAUTHBEARER"), authenticate("n,,\x01auth=Bearer nonsense\x01\x01"), authenticate("\x01")]
  },
  { name: "a frame too large", steps: [{ bytes: int32(600_000) }] },
  { name: "a frame of 2 GB", steps: [handshake("PLAIN", 0), { bytes: int32(0x7fffffff) }] },
  { name: "a negative frame", steps: [{ bytes: int32(-1) }] },
  ...(["SCRAM-SHA-256", "SCRAM-SHA-512"] as const).flatMap((mechanism): ReadonlyArray<Probe> => {
    const last = (password: string, change?: "nonce" | "binding" | "proof"): Step => ({
      scram: "framed",
      password,
      first: FIRST,
      ...(change === undefined ? {} : { change })
    })
    const begun = [handshake(mechanism), authenticate(FIRST)]
    return [
      { name: mechanism, steps: [...begun, last("carol-secret"), metadata] },
      { name: `${mechanism}, wrong password`, steps: [...begun, last("wrong")] },
      { name: `${mechanism}, other nonce`, steps: [...begun, last("carol-secret", "nonce")] },
      { name: `${mechanism}, nonsense`, steps: [handshake(mechanism), authenticate("nonsense")] },
      {
        name: `${mechanism}, channel binding`,
        steps: [handshake(mechanism), authenticate(`p=tls-unique${FIRST.slice(1)}`)]
      },
      { name: `${mechanism}, other authzid`, steps: [handshake(mechanism), authenticate(`n,a=bob,${FIRST.slice(3)}`)] },
      { name: `${mechanism}, nonsense last`, steps: [...begun, authenticate("nonsense")] },
      { name: `${mechanism}, first twice`, steps: [...begun, authenticate(FIRST)] },
      {
        name: `${mechanism}, raw`,
        steps: [
          handshake(mechanism, 0),
          { raw: Buffer.from(FIRST) },
          { scram: "raw", password: "carol-secret", first: FIRST },
          metadata
        ]
      },
      { name: `${mechanism}, nobody`, steps: [handshake(mechanism), authenticate(FIRST.replace("carol", "nobody"))] },
      {
        name: `${mechanism}, a token nobody has`,
        steps: [handshake(mechanism), authenticate(`${FIRST},tokenauth=true`)]
      }
    ]
  })
]

const hmac = (digest: string, key: Uint8Array, text: string) => createHmac(digest, key).update(text).digest()

/** The server's nonce is random: what it signs is, too. */
const lastMessage = (mechanism: string, step: Extract<Step, { scram: unknown }>, serverFirst: string): Buffer => {
  const [digest, bytes] = mechanism === "SCRAM-SHA-512" ? (["sha512", 64] as const) : (["sha256", 32] as const)
  const [, nonce = "", salt = "", iterations] = /r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst) ?? []
  const salted = pbkdf2Sync(step.password, Buffer.from(salt, "base64"), Number(iterations ?? 4096), bytes, digest)
  const clientKey = hmac(digest, salted, "Client Key")
  const without = `c=biws,r=${step.change === "nonce" ? "x" : ""}${nonce}`
  const signed = hmac(
    digest,
    createHash(digest).update(clientKey).digest(),
    `${step.first.slice(3)},${serverFirst},${without}`
  )
  return Buffer.from(`${without},p=${Buffer.from(clientKey.map((byte, i) => byte ^ signed[i]!)).toString("base64")}`)
}

const framed = (bytes: Buffer) => Buffer.concat([int32(bytes.byteLength), bytes])

const request = ({ api, body, flexible = false, version }: Extract<Step, { api: number }>, id: number) =>
  framed(
    Buffer.concat([
      int16(api),
      int16(version),
      int32(id),
      int16(4),
      Buffer.from("test"),
      flexible ? Buffer.from([0]) : Buffer.alloc(0),
      body
    ])
  )

const RANDOM = /(?:^|[^])(r=fyko\+d2lbbFgONRv9qkxdawL)[^,]+,s=[^,]+|(v=)[A-Za-z0-9+/=]+|(\t127\.0\.0\.1\0\0)../gs

/** Bytes as text, without what is random, and without what the brokers' nature differs in. */
const told = (frame: Buffer): string => {
  const text = frame.toString("latin1").replace(RANDOM, "$1$2$3…")
  return frame.byteLength > 200 ? `${frame.subarray(0, 6).toString("hex")}…` : JSON.stringify(text)
}

const SILENCE_MS = 700

/** Runs one probe; each line is an answer, or that the connection was closed, or silence. */
export const ask = async (host: string, port: number, { steps }: Probe): Promise<string> => {
  const socket = connect({ host, port })
  let received = Buffer.alloc(0)
  let isClosed = false
  let wake = () => {}
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  for (const event of ["close", "end"]) {
    socket.on(event, () => {
      isClosed = true
      wake()
    })
  }
  socket.on("error", () => {})
  const frame = async (): Promise<Buffer | "closed" | "silence"> => {
    const until = performance.now() + SILENCE_MS
    while (true) {
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const length = received.readInt32BE(0)
        const answer = received.subarray(4, 4 + length)
        received = received.subarray(4 + length)
        return Buffer.from(answer)
      }
      if (isClosed) return "closed"
      const left = until - performance.now()
      if (left <= 0) return "silence"
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const lines: Array<string> = []
  let before = Buffer.alloc(0)
  let mechanism = ""
  let id = 0
  for (const step of steps) {
    if ("api" in step) {
      if (step.api === 17) mechanism = step.body.subarray(2).toString()
      socket.write(request(step, ++id))
    } else if ("raw" in step) socket.write(framed(step.raw))
    else if ("bytes" in step) socket.write(step.bytes)
    else {
      const text = before.toString("latin1")
      const message = lastMessage(mechanism, step, text.slice(text.indexOf("r=")).replace(/(i=\d+)[^]*$/, "$1"))
      if (step.scram === "raw") socket.write(framed(message))
      else socket.write(request(authenticate(message) as Extract<Step, { api: number }>, ++id))
    }
    const answer = await frame()
    if (typeof answer === "string") {
      lines.push(answer)
      break
    }
    before = answer
    lines.push(told(answer))
  }
  if (!isClosed && lines.at(-1) !== "silence") {
    const last = await frame()
    lines.push(typeof last === "string" ? (last === "silence" ? "open" : last) : `and ${told(last)}`)
  } else if (isClosed && lines.at(-1) !== "closed") lines.push("closed")
  socket.destroy()
  return lines.join(" | ")
}
