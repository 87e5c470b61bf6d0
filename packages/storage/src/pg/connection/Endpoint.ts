import * as Effect from "effect/Effect"
import { lookup } from "node:dns"
import { isIP } from "node:net"
import type { PgHost } from "../options/PgOptions.ts"
import { ConnectionLost } from "./ConnectionError.ts"

/** One server's place: a name with several addresses is several of them. */
export interface Endpoint extends PgHost {
  /** What is dialled: a number, so that one more connection comes to the same server. */
  readonly address: string
  /** For a line that a person reads. */
  readonly label: string
}

const tcp = ({ host, port }: PgHost, address: string, isOneOfSeveral: boolean): Endpoint => ({
  host,
  port,
  path: undefined,
  address,
  label: isOneOfSeveral ? `${host}:${port} (${address})` : `${host}:${port}`
})

/** Where a host is: looked up anew each time, as names move. */
export const endpointsOf = (
  host: PgHost,
  timeoutMs: number
): Effect.Effect<ReadonlyArray<Endpoint>, ConnectionLost> => {
  if (host.path !== undefined) return Effect.succeed([{ ...host, address: host.path, label: host.path }])
  if (host.hostaddr !== undefined) return Effect.succeed([tcp(host, host.hostaddr, true)])
  if (isIP(host.host) !== 0) return Effect.succeed([tcp(host, host.host, false)])
  const unknown = (reason: string, cause?: unknown) =>
    new ConnectionLost({ message: `cannot reach Postgres at ${host.host}:${host.port}: ${reason}`, sent: false, cause })
  return Effect.callback<ReadonlyArray<Endpoint>, ConnectionLost>((resume) => {
    lookup(host.host, { all: true }, (error, found) => {
      if (error !== null) return resume(Effect.fail(unknown(error.message, error)))
      resume(Effect.succeed(found.map(({ address }) => tcp(host, address, found.length > 1))))
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeoutMs,
      orElse: () => Effect.fail(unknown(`its name was not found in ${timeoutMs} ms`))
    })
  )
}
