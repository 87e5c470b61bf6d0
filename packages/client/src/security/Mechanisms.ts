import type { Login } from "../Login.ts"

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "utf8"))

/** A login by PLAIN (RFC 4616): the password itself is sent. */
export const plainLogin = (user: string, password: string): Login => ({
  mechanism: "PLAIN",
  user,
  start: function* () {
    yield bytesOf(`\0${user}\0${password}`)
    return undefined
  }
})

/** A login by a token (RFC 7628), as it lies ready: nobody is asked for another one. */
export const oauthLogin = (tokenOf: () => string, extensions: ReadonlyMap<string, string>): Login => ({
  mechanism: "OAUTHBEARER",
  user: "",
  start: function* () {
    const pairs = [["auth", `Bearer ${tokenOf()}`], ...extensions].map(([name, value]) => `${name}=${value}\u0001`)
    const answer = yield bytesOf(`n,,\u0001${pairs.join("")}\u0001`)
    if (answer.byteLength === 0) return undefined
    // What is wrong comes as JSON; the broker ends the exchange with an error once the client has said that it read it.
    yield Uint8Array.of(1)
    return `the token is refused: ${Buffer.from(answer).toString("utf8").slice(0, 300)}`
  }
})
