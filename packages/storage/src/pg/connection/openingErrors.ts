import type { PgTarget } from "../options/PgOptions.ts"
import { ConnectionLost } from "./ConnectionError.ts"
import type { Endpoint } from "./Endpoint.ts"

/** The session is not opened; a later attempt may do better. */
export const lost = (message: string, cause?: unknown): ConnectionLost =>
  new ConnectionLost({ message, sent: false, cause })

/** What no later attempt makes better. */
export const hopeless = (message: string, cause?: unknown): ConnectionLost =>
  new ConnectionLost({ message, sent: false, lasting: true, cause })

/** What a server that keeps silent while it is connected to comes to. */
export const noAnswer = (target: PgTarget, { label }: Endpoint): ConnectionLost =>
  new ConnectionLost({
    message: `Postgres at ${label} did not answer in ${target.connectTimeoutMs} ms`,
    sent: false,
    silent: true
  })

/** The server does not let a password prove anything. */
export const unproven = (message: string): ConnectionLost =>
  new ConnectionLost({ message, sent: false, lasting: true, unproven: true })
