import * as Effect from "effect/Effect"
import { statfs } from "node:fs/promises"
import { CHECK_LIMIT_MS } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, inBytes, info, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** Bytes. */
export interface DiskFacts {
  readonly database: number
  /** Of the volume with the data directory; null: it is not on this machine, or not to be seen. */
  readonly volume: { readonly free: number; readonly size: number } | null
}

const GB = 1024 ** 3

export const judgeDisk = ({ database, volume }: DiskFacts): ReadonlyArray<Verdict> => {
  const why = "a full disk stops Postgres, and with it every producer"
  const seen = `the database has ${inBytes(database)}`
  if (volume === null) return [info(`${seen}; the free space of its disk is not seen from here`, why)]
  const free = `${seen}, its disk ${inBytes(volume.free)} of ${inBytes(volume.size)} free`
  if (volume.free < GB) return [error(free, why, "make room, or shorten retention.ms and retention.bytes")]
  if (volume.free < volume.size / 10)
    return [warning(free, why, "make room, or shorten retention.ms and retention.bytes")]
  return [info(free, why)]
}

/** The data directory, if the server is reached by a socket of this machine and tells where it is. */
const volumeOf = (directory: string | null): Effect.Effect<DiskFacts["volume"]> =>
  directory === null
    ? Effect.succeed(null)
    : Effect.tryPromise(() => statfs(directory)).pipe(
        Effect.map(({ bavail, blocks, bsize }) => ({ free: bavail * bsize, size: blocks * bsize })),
        Effect.orElseSucceed(() => null)
      )

const DISK = `select pg_database_size(current_database()) as bytes,
    case when inet_server_addr() is null then (select setting from pg_settings where name = 'data_directory') end as directory`

export const diskCheck: Check = {
  name: "disk",
  look: (patient) =>
    Effect.gen(function* () {
      const [row] = yield* patient.rows<{ readonly bytes: number; readonly directory: string | null }>(
        DISK,
        CHECK_LIMIT_MS
      )
      return judgeDisk({ database: row?.bytes ?? 0, volume: yield* volumeOf(row?.directory ?? null) })
    })
}
